/** What a task says of sandboxes: whose programs are put into one, and what is theirs in there. */
import * as z from 'zod';

/** on: where the machine can. require: where it cannot, nothing is started. */
export const SANDBOX_MODES = ['on', 'off', 'require'] as const;
export type SandboxMode = (typeof SANDBOX_MODES)[number];

/** What everybody in a sandbox can reach, or nobody. */
export const NETWORK_WORDS = ['all', 'none'] as const;

/** Absolute, from the home (`~/x`), or from the project. */
const path = z
  .string()
  .max(4096)
  .regex(/^[^\0]+$/, 'must not be empty');

/** A name or an address, `*.` before it for all below, and perhaps a port. */
export const HOST = /^(?:(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i;
const host = z.string().max(260).regex(HOST, 'is no host');

const mode = z.enum(SANDBOX_MODES).default('off');

const absolute = path.regex(/^\//, 'must be absolute');
const opened = z.enum(['read', 'write']);

/** The sandbox of the session that a task was handed over from, by value: that session may be over when the task runs. */
const enclosure = z.strictObject({
  root: absolute.describe('What the session works in. All of the task stays in it.'),
  access: opened,
  hidden: z.array(absolute).max(10_000).default([]).describe('Nobody sees these.'),
  needed: z
    .array(z.strictObject({ path: absolute, access: opened }))
    .max(100)
    .default([])
    .describe('What its work needs of what is hidden.'),
});
export type Enclosure = z.infer<typeof enclosure>;

export const sandboxSpec = z.strictObject({
  roles: z
    .strictObject({ initializer: mode, coder: mode, reviewer: mode, qa: mode })
    .describe('The agents of each role.'),
  commands: mode.describe('Commands of subtasks, and setup.'),
  gates: mode.describe('Commands that judge.'),
  write: z.array(path).max(200).default([]).describe('What can be written besides, wherever it is.'),
  read: z
    .array(path)
    .max(200)
    .default([])
    .describe('What can be read besides, although it is usually hidden.'),
  network: z
    .union([z.enum(NETWORK_WORDS), z.array(host).min(1).max(200)])
    .default('all')
    .describe('What can be reached: everything, nothing, or these hosts.'),
  within: enclosure
    .optional()
    .describe('Of a task that a session in a sandbox has handed over: it is held in that one. Absent: none.'),
});
export type SandboxSpec = z.infer<typeof sandboxSpec>;
