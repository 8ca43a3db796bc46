/** rasen-protocol(7): how to talk to rasend, from the tables of methods, errors and limits. */
import type { Who } from '../../src/contract/methods/define.ts';
import { METHODS } from '../../src/contract/methods/index.ts';
import { LIMITS, type Limits } from '../../src/rpc/limits.ts';
import { ALIVE, CANCEL, CODES, HELLO } from '../../src/rpc/message.ts';
import { PROTOCOL } from '../../src/version.ts';
import { errorList } from './errors-text.ts';
import { ManPage } from './man-page.ts';
import { GENERAL_ERRORS } from './openrpc.ts';
import { fieldList, shownName, typeText } from './schema-text.ts';
import { type ProtocolSchemas, protocolSchemas, type Schema } from './schemas.ts';

/** The type with a variant for each type of event. */
const EVENT = 'Event';

/** A limit without a row does not compile. */
const LIMIT_ABOUT: Readonly<Record<keyof Limits, string>> = {
  max_frame_in_bytes: 'Longest line that a client may send, without its newline.',
  max_frame_out_bytes: 'Longest line that the supervisor sends.',
  in_flight: 'Requests of one connection that run at once; more of them wait unread.',
  batch: 'Entries of one batch.',
  unsent_bytes: 'Answers that a client has not read yet; from here on nothing more is read from it.',
  stall_ms: 'A client that takes none of its unsent bytes for so long is disconnected.',
  first_frame_ms: 'The first complete line must be there so long after connecting.',
  frame_ms: 'A line must be complete so long after its first byte.',
  connections:
    'Connections of one supervisor. One more takes the place of the one that is idle longest: silent ones go first, and one with a request that is not answered never. Who is closed, or refused, is told by an error `overloaded` without an id.',
  bad_frames: 'Lines in a row that are no message; then the connection is closed.',
  probe_ms: 'How often a client that sends no more, but has requests running, is asked whether it is there.',
  rebind_check_ms: 'How often the supervisor looks whether its socket is still at its path.',
  stream_unsent_bytes: 'A stream waits for its reader above this.',
  stream_yield_bytes: 'A stream lets others run after so much.',
  drain_bytes: 'After a fatal error, input that is still read so that the client can read the error.',
  drain_ms: 'The time for that.',
  close_grace_ms: 'Time for answers when the supervisor stops.',
  socket_path_bytes: 'Longest path of a socket.',
  connect_ms: 'How long our client waits for a connection.',
  call_ms: 'How long our client waits for an answer, unless the call says otherwise.',
  cancel_ms: 'How long our client waits for the last answer of a stream that it cancelled.',
};

const CODE_ABOUT: Readonly<Record<keyof typeof CODES, string>> = {
  parse_error: 'The line is no JSON or no UTF-8. The id is null; the connection stays.',
  invalid_request: 'No request, notification or batch.',
  method_not_found: 'No such method.',
  invalid_params: 'The params are not what the method takes; `data.issues` says where.',
  internal: 'A bug; the log of the supervisor has the details.',
  frame_too_large: 'The line, or the answer, is too long. A line that is too long ends the connection.',
};

export const LIST_EXAMPLE = `socket=$XDG_RUNTIME_DIR/rasen/rasend.sock
echo '{"jsonrpc":"2.0","id":1,"method":"task.list","params":{"limit":3}}' |
  socat -t 5 - "UNIX-CONNECT:$socket"`;

/** One line of JSON from two texts: the shell joins what stands side by side. */
export const FOLLOW_EXAMPLE = `echo '{"jsonrpc":"2.0","id":1,"method":"log.follow",'\\
'"params":{"task":"nightly","follow":true}}' |
  socat -t 86400 - "UNIX-CONNECT:$socket"`;

export function rasenProtocol7(version: string): string {
  const schemas = protocolSchemas();
  const page = new ManPage({
    name: 'rasen-protocol',
    section: 7,
    version,
    about: 'the control protocol of rasend',
  });
  page.section('Description');
  page.para(
    'rasend(8) listens on a Unix socket, by default `$XDG_RUNTIME_DIR/rasen/rasend.sock`. The permissions of the folder (0700) and the socket (0600) are the authentication, and there is no other listener. Whoever may open it may do everything, but for processes of attempts: what a person decides is refused to them, see WHO MAY ASK.',
    'Any program that can write a line to a Unix socket is a full client. For programs in JavaScript the package exports `connect()`. The same as this page, for programs: `man/openrpc.json`.',
  );
  basics(page);
  page.section('Who may ask');
  page.para(
    'Before a request that changes something, the supervisor asks the kernel which process has connected (SO_PEERCRED), and whether that process belongs to an attempt: see rasend(8), WHO ASKS. What a client says of itself, or finds in its environment, gives it no right. The origin of a request is in the journal, in the field `origin` of its event: `via` (name of the program, as it says), `pid`, `tty`, `user`, `task` where it is a process of that task, and `attempt` where it is known which. Work from inside of a task is refused where nobody can tell which task that is. Sandboxes have sockets of their own, at which less is answered: see rasen-mcp(1), FROM INSIDE A TASK. A refused request ends with the error `not_permitted`, and its task gets the event `request_refused`. Each method says who may ask for it:',
  );
  for (const [who, about] of Object.entries(WHO_ABOUT)) page.item(`\`${who}\``, about);
  page.endList();
  page.section('Errors');
  page.para(
    'An error has `code`, `message` and `data`. Its stable name is `data.kind`; `data.hint`, where it is there, says what to do next. Those of JSON-RPC and of the framing:',
  );
  for (const [name, code] of Object.entries(CODES))
    page.item(`\`${code}\` ${name}`, CODE_ABOUT[name as keyof typeof CODES]);
  page.endList();
  page.para('The kinds. Exit statuses are those of rasen(1).');
  errorList(page);
  page.section('Limits');
  page.para(
    'Of one connection, unless it says otherwise. The answer to the hello has those of the supervisor. The defaults:',
  );
  for (const [name, value] of Object.entries(LIMITS))
    page.item(`\`${name}\` ${value}`, LIMIT_ABOUT[name as keyof Limits]);
  page.endList();
  methods(page, schemas);
  page.section('Examples');
  page.para('A request by hand:');
  page.code(LIST_EXAMPLE);
  page.para('The log of a task until it is over:');
  page.code(FOLLOW_EXAMPLE);
  page.section('See also');
  page.para('rasen(1), rasend(8), socat(1)', 'JSON-RPC 2.0, https://www.jsonrpc.org/specification');
  return page.toString();
}

function basics(page: ManPage): void {
  page.section('Framing');
  page.para(
    'One JSON value a line, UTF-8, ended by LF; CR before it and empty lines are passed by. The values are messages of JSON-RPC 2.0: requests, notifications, batches. Params go by name. Answers come in the order in which they are ready. A client may end its side after its last request; answers still come.',
  );
  page.section('Versions');
  page.para(
    'Within a major version methods and fields are only added. Params are strict: an unknown one is an error. Results are open: ignore what you do not know.',
    `\`${HELLO}\` says which versions a client speaks, with the params \`{"protocol": {"min": ${PROTOCOL.min}, "max": ${PROTOCOL.max}}, "client": {"name": "...", "version": "..."}}\`. The result has \`protocol\` (the version in force), \`server\`, \`limits\` and \`features\`. It may be left out, which means the current version. When it is refused (\`incompatible\`), nothing behind it is run and the connection ends.`,
  );
  page.section('Streams');
  page.para(
    'A stream is a request whose answer is its end. Until then come notifications, whose params carry the id of the request as `request`. A client that reads slowly slows down its streams and nothing else; nothing is lost for it, since the supervisor reads what follows when the client has taken what was sent. Output that was dropped because it grew beyond its limit shows as a record of kind `gap`.',
    `The notification \`${CANCEL}\` with \`{"id": ID}\` cancels a request. A stream then ends with its answer; another request ends with the error \`cancelled\`, or with its answer where it could not be stopped any more. When a client has ended its side, \`${ALIVE}\` is sent from time to time while a request of it runs; ignore it, as every notification that begins with $/.`,
  );
}

/** Who may ask for a method. A word without a row does not compile. */
const WHO_ABOUT: Readonly<Record<Who, string>> = {
  reader: 'Everybody: nothing is changed.',
  anyone: 'Everybody; who it was is recorded.',
  own: 'A person; and what runs inside a task about that task, and those that were submitted from inside it.',
  child:
    'A person; and what runs inside a task about those that were submitted from inside it. Not to go on with one that is blocked.',
  person: 'A person.',
};

function methods(page: ManPage, { methods, definitions }: ProtocolSchemas): void {
  page.section('Methods');
  for (const { name, summary, asks, errors, stream } of METHODS) {
    const { params, result, stream: notification } = methods[name]!;
    page.sub(name);
    page.para(summary);
    page.para(`Who may ask: \`${asks}\`.`);
    fields(page, 'Params', params, true);
    fields(page, 'Result', result, false);
    if (stream && notification) fields(page, `Notification \`${stream.notification}\``, notification, false);
    page.para(`Errors: ${[...errors, ...GENERAL_ERRORS].map(kind => `\`${kind}\``).join(', ')}.`);
  }
  page.section('Types');
  page.para('A field with a default may be left out by a caller, and is there in every answer.');
  for (const [name, definition] of Object.entries(definitions)) {
    if (definitions[`${name}Input`]) continue;
    page.sub(shownName(name));
    if (name === EVENT) {
      events(page, definition);
      continue;
    }
    if (definition.description) page.para(definition.description);
    // What allows no other field is written by a caller.
    const requests = definition.additionalProperties === false;
    if (definition.properties) page.compact(() => fieldList(page, definition, { requests }));
    else page.para(`It is a ${typeText(definition)}.`);
    page.endList();
  }
}

/** The fields that all events have once, then each type with its own. */
function events(page: ManPage, { oneOf = [] }: Schema): void {
  const named = oneOf.map(({ properties = {} }) => Object.keys(properties));
  const common = (named[0] ?? []).filter(name => name !== 'type' && named.every(one => one.includes(name)));
  const part = ({ properties = {} }: Schema, isIn: (name: string) => boolean): Schema => ({
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => isIn(name))),
  });
  page.para(
    'What happened to a task, as `event.follow` sends it and its journal keeps it. Types and fields are only added. A field that came later is missing in older journals. Each event has:',
  );
  page.compact(() =>
    fieldList(
      page,
      part(oneOf[0]!, name => common.includes(name)),
      { requests: false },
    ),
  );
  page.endList();
  page.para('and, by its `type`:');
  for (const event of oneOf) {
    page.item(`\`${String(event.properties!.type!.const)}\``, event.description ?? '');
    const own = part(event, name => name !== 'type' && !common.includes(name));
    if (Object.keys(own.properties!).length > 0)
      page.below(() => page.compact(() => fieldList(page, own, { requests: false })));
  }
  page.endList();
}

function fields(page: ManPage, title: string, schema: Schema, requests: boolean): void {
  if (schema.properties && Object.keys(schema.properties).length > 0) {
    page.para(`${title}:`);
    page.compact(() => fieldList(page, schema, { requests }));
    page.endList();
  } else page.para(`${title}: ${schema.properties ? 'none' : typeText(schema)}.`);
}
