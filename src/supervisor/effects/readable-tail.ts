/** The end of what a job printed, for a person or a prompt: of an agent's session its words, not its events. */
import type { Role } from '../../contract/spec.ts';
import type { TaskState } from '../../engine/state.ts';
import { lastLines, type OutputEnd } from '../../runner/tail.ts';
import type { Mask } from '../../secrets/mask.ts';
import { readableEnd } from '../../views/session/readable-end.ts';
import { sessionText } from '../../views/session/session-text.ts';

/** An event of a session can be a file that was read, and many are nothing that a person has to see. */
const SESSION_BYTES = 1024 * 1024;
const SESSION_LINES = 400;

interface Shown {
  lines: number;
  bytes: number;
  mask: Mask;
}

/** `role`: whose session it is; null: it is a command. */
export function readableTail(
  state: TaskState,
  { role, folder }: { role: Role | null; folder: string },
  shown: Shown,
): Promise<string> {
  return readableEndOf(state, role, shown, (lines, bytes) => lastLines(folder, lines, bytes));
}

/** The same of an output that is read by `last`. */
export async function readableEndOf(
  state: TaskState,
  role: Role | null,
  { mask, ...max }: Shown,
  last: (lines: number, bytes: number) => OutputEnd | Promise<OutputEnd>,
): Promise<string> {
  const backend = role === null ? null : state.spec.agents[role]?.backend;
  const session = backend ? sessionText(backend) : null;
  const { offset, text, problem } = session
    ? await last(SESSION_LINES, SESSION_BYTES)
    : await last(max.lines, max.bytes);
  if (problem !== null) return unreadable(problem);
  // Before it is read: what is told of a tool may be cut in the middle of a value.
  const end = readableEnd(mask.text(text.toString('utf8')), offset > 0, session);
  return session ? end.split('\n').slice(-max.lines).join('\n').slice(-max.bytes) : end;
}

/** In place of an output that cannot be read. */
export const unreadable = (problem: string) => `(its output ${problem})`;
