/**
 * What the MCP server may ask for, each time over a connection of its own: it lives for long, and what it read from the
 * disk while no supervisor ran must not be its answer later. In a sandbox it asks at the door of that, where a session hands
 * work over; nothing else of the supervisor can be reached from there.
 */
import { existsSync } from 'node:fs';
import { RasenError } from '../contract/errors.ts';
import { isMarked } from '../host/mark.ts';
import { DOOR, DOOR_SOCKET } from '../host/sandbox-door.ts';
import type { Door } from '../mcp/index.ts';
import { LIMITS } from '../rpc/limits.ts';
import { type Order, orderOf } from '../submit/order.ts';
import { VERSION } from '../version.ts';
import type { ConfigBundle, Context } from './context.ts';
import { serviceUp } from './ensure-service.ts';
import { usage } from './errors.ts';
import { exactEnv } from './exact.ts';
import { isOneCommand } from './foreground.ts';
import { inheritedOfShell } from './inherited.ts';
import { lastLines, SESSIONS } from './last-lines.ts';
import type { Link } from './link.ts';
import { readLog } from './log-stream.ts';
import { LogText } from './log-text.ts';
import { FRAME_BYTES, handOrLess } from './submit.ts';
import { makeTrigger } from './trigger-create.ts';
import { waitTasks } from './wait-task.ts';

/** As the journal names who asks. Work that is handed over so is told of when it ends (supervisor/hand-overs.ts). */
const PROGRAM = { name: 'mcp', version: VERSION };

/** What is on the disk cannot be seen from a sandbox; an empty list would be a lie. */
const AT_DOOR = {
  socket: DOOR_SOCKET,
  sandboxed: false,
  adopts: false,
  disk: () => {
    throw new RasenError('unreachable', 'No supervisor answers at the door of this sandbox.', {
      hint: 'Ask again in a moment; what runs goes on meanwhile.',
    });
  },
  whySilent: async () => null,
} as const;

export function mcpDoor(context: Context, config: ConfigBundle): Door {
  const { env, cwd, paths, linkAs, loadConfigBundle } = context;
  // Agents hand little of their environment on to a server. A supervisor that is started in an attempt ends with it, and
  // so would all that was handed over.
  const is_inside = Boolean(env.RASEN_SANDBOXED) || isMarked();
  const start = async () => {
    throw new RasenError(
      'unreachable',
      'No supervisor answers, and none is started from inside of an attempt.',
      {
        hint: 'Whoever started it starts it again; what runs goes on meanwhile.',
      },
    );
  };
  const inherited = inheritedOfShell(env);
  const using = async <T>(work: (link: Link, at_door: boolean) => Promise<T>): Promise<T> => {
    // Asked each time: between two supervisors there may be no socket for a moment. One that is there is of an instance within.
    const sandboxed = is_inside && !existsSync(paths.socket);
    // The folder stays when a supervisor ends, and its socket comes again with the next one.
    const at_door = sandboxed && existsSync(DOOR);
    const link = linkAs({
      client: PROGRAM,
      ...(is_inside ? { start } : {}),
      ...(at_door ? AT_DOOR : { sandboxed }),
    });
    try {
      return await work(link, at_door);
    } finally {
      link.close();
    }
  };
  const submitBy = (
    link: Link,
    at_door: boolean,
    { spec, env: captured }: Pick<Order, 'spec' | 'env'>,
    given: Readonly<Record<string, string>>,
  ) => {
    // Its commands have the environment of its task; what is written into the order is kept for ever.
    const order = { spec, env: at_door ? given : captured };
    if (at_door) refuseLarge(order);
    return handOrLess({ link, loadConfigBundle }, order);
  };
  return {
    env: exactEnv(env),
    folder: cwd,
    config,
    process: () => inherited,
    submit: (order, given = {}) => using((link, at_door) => submitBy(link, at_door, order, given)),
    ensure: ({ name, command, folder, env: given, ready, port, timeout_seconds, restart }, how) =>
      using((link, at_door) => {
        const words = Object.entries(given).map(([variable, value]) => `${variable}=${value}`);
        const flags = { env: words, process: inherited };
        return serviceUp(
          {
            ...{ link, folder, ...how },
            order: settings =>
              orderOf(config, { service: name, command, settings }, { folder, env: exactEnv(env) }, flags),
            submit: order => submitBy(link, at_door, order, given),
          },
          name,
          command,
          {
            ...(ready && { ready }),
            ...(port !== undefined && { port }),
            ...(timeout_seconds !== undefined && { timeout: timeout_seconds }),
            ...(restart !== undefined && { restart }),
          },
        );
      }),
    call: (method, params, options) => using(link => link.call(method, params, options)),
    wait: (tasks, changed, signal) =>
      using(link => waitTasks(link, { tasks, through_limits: true, changed, signal })),
    logs: question => using(link => logsOf(link, question)),
    createTrigger: ({ order, ...wish }) =>
      using(link => makeTrigger(link, order, { ...wish, name: wish.name })),
  };
}

/** The inbox, which takes what is longer than a line, is out of reach as well. */
function refuseLarge(order: object): void {
  if (Buffer.byteLength(JSON.stringify(order)) + FRAME_BYTES < LIMITS.max_frame_in_bytes) return;
  throw usage('From inside a sandbox an order of less than 1 MB is taken.', 'Put what is long into a file.');
}

/** As `rasen logs` shows it: the output of a command alone, of anything else what happened, too. */
async function logsOf(
  link: Link,
  { task, subtask, lines, gates }: Parameters<Door['logs']>[0],
): Promise<string> {
  const view = await link.call('task.get', { task });
  const only = subtask === undefined ? view.subtasks : view.subtasks.filter(s => s.id === subtask);
  const bare = subtask !== undefined || (isOneCommand(view) && !gates);
  const request = {
    ...{ task: view.id, gates, events: !bare, follow: false },
    ...(subtask === undefined ? {} : { subtask }),
  };
  if (only.some(s => SESSIONS.has(s.kind))) return (await lastLines(link, request, lines, { bare })).text;
  const log = new LogText({ raw: true, bare });
  let text = '';
  await readLog(link, {
    ...request,
    lines,
    show: record => {
      text += log.push(record);
      return undefined;
    },
  });
  return text + log.end();
}
