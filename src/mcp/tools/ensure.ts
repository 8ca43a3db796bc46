/** `ensure`: a service that is there when it has answered, whoever started it. */
import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { usage } from '../../contract/errors.ts';
import { RESTARTS } from '../../contract/service-words.ts';
import { brief } from '../brief.ts';
import { defineTool } from '../tool.ts';
import { workFields } from '../work.ts';

/** Clients give up after 60 s, and some of them sooner. */
const ANSWER_MS = 45_000;
const DAY_S = 86_400;

const text = (about: string) => z.string().min(1).max(4096).optional().describe(about);

export const ensure = defineTool({
  name: 'ensure',
  title: 'Keep a service up',
  description:
    'Makes sure that a service of this name and command is up in the folder, and answers with its URL: at once where it is, else it is started (once, whoever asks) and waited for, 45 s at most. ready: false with goes_on: true means that it still gets ready: ask again. It is started again when it ends, and goes on when this session is over; `stop` it when nobody needs it. Use it for dev servers and databases in place of starting them yourself.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({
    name: z.string().min(1).max(40).describe('What the service is called, in its folder.'),
    command: workFields.command.unwrap(),
    folder: z
      .string()
      .max(4096)
      .refine(isAbsolute, 'must be absolute')
      .optional()
      .describe('Where it runs; absolute. Default: the folder in which this server was started.'),
    ready: z
      .strictObject({
        tcp: text('It takes connections at this PORT or HOST:PORT.'),
        http: text('This URL, or /PATH at its own port, answers.'),
        line: text('This text is in a line of its output.'),
        file: text('This file was written; relative to the folder.'),
        command: z.array(z.string().max(65_536)).min(1).max(1000).optional().describe('It ends with 0.'),
      })
      .optional()
      .describe('When it is ready: one of these. Default: its port takes connections.'),
    port: z
      .union([z.literal('auto'), z.int().min(1).max(65_535)])
      .optional()
      .describe('Given to it as PORT; ${PORT} in the command stands for it. Default: auto, a free one.'),
    timeout_seconds: z.number().positive().max(DAY_S).optional().describe('To get ready in. Default: 60.'),
    restart: z.enum(RESTARTS).optional().describe('When it ends. Default: on-failure.'),
    env: workFields.env,
  }),
  async answer(
    { name, command, folder, ready, port, timeout_seconds, restart, env },
    door,
    { progress, signal },
  ) {
    const { view, started } = await door.ensure(
      {
        ...{ name, command, folder: folder ?? door.folder, timeout_seconds, restart, env: env ?? {} },
        ready: ready && readyOf(ready),
        port: port === undefined ? undefined : String(port),
      },
      { patience_ms: ANSWER_MS, note: progress, signal },
    );
    const service = view.subtasks[0]?.service;
    const is_ready = view.status === 'running' && service?.ready === true;
    return { ready: is_ready, url: service?.url ?? null, started, ...brief(view) };
  },
});

/** As a file of subtasks has it. */
function readyOf(given: Record<string, unknown>): Record<string, unknown> {
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  const [first] = said;
  if (said.length !== 1 || !first)
    throw usage('"ready" takes exactly one of "tcp", "http", "line", "file" and "command".');
  const [kind, value] = first;
  if (kind === 'http' && String(value).startsWith('/')) return { http: `http://127.0.0.1:\${PORT}${value}` };
  return { [kind]: value };
}
