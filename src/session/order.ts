/** What the session program is told, as its one argument; the prompt is on its standard input. */
import type { Talk } from '../agents/agent.ts';

export interface SessionOrder extends Talk {
  /** `<name>.md` in it are notes for the session; whoever writes one moves it there when it is whole. */
  notes_dir: string;
  /** Where sessions are locked, of all tasks. */
  locks_dir: string;
  /** Tells who must be asked to end before the agent is made to: the identity of the session program. */
  identity_file: string;
}

/** In the notes folder of a session that turned out to be one that cannot be spoken with. */
export const DEAF = 'deaf';

/** Exit code when another process works in the session (EX_TEMPFAIL). */
export const EXIT_LOCKED = 75;

/** NODE_OPTIONS is the agent's, not ours: it may name what this runtime does not know, or modules of the project. */
const KEEP_NODE_OPTIONS =
  'RASEN_NODE_OPTIONS=$NODE_OPTIONS; export RASEN_NODE_OPTIONS; unset NODE_OPTIONS; exec "$0" "$@"';

export function sessionArgv(program: readonly string[], order: SessionOrder): string[] {
  return ['/bin/sh', '-c', KEEP_NODE_OPTIONS, ...program, JSON.stringify(order)];
}

/** The environment of the agent, from that of the session program. */
export function agentEnv({ RASEN_NODE_OPTIONS, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return RASEN_NODE_OPTIONS ? { ...env, NODE_OPTIONS: RASEN_NODE_OPTIONS } : env;
}

/** Throws when it is no order. */
export function parseOrder(argument: string | undefined): SessionOrder {
  const order = JSON.parse(argument ?? 'null');
  const texts = ['kind', 'cwd', 'notes_dir', 'locks_dir', 'identity_file'];
  const is = texts.every(key => typeof order?.[key] === 'string') && order.argv?.[0];
  if (!is) throw new Error('it is told as one JSON argument, by rasend; see src/session/order.ts');
  return order;
}
