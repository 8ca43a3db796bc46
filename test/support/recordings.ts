/**
 * Recorded streams of the real agents, in test/data/agents: the lines of each run (`.jsonl`), and beside them how it was
 * started, its exit code and its error channel (`.meta.txt`). Only the model was a scripted server.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../data/agents');

export interface Recording {
  /** Both channels, as they would stand in the output of an attempt. */
  lines: string[];
  /** As the shell says it. */
  code: number;
}

/** What a shell makes of a death by signal. */
const BY_SIGNAL: Readonly<Record<string, number>> = { SIGINT: 130, SIGKILL: 137, SIGTERM: 143 };

export const recordings = (agent: string): string[] =>
  readdirSync(join(FOLDER, agent))
    .filter(name => name.endsWith('.jsonl'))
    .map(name => name.slice(0, -'.jsonl'.length))
    .sort();

export function recording(agent: string, name: string): Recording {
  const path = join(FOLDER, agent, name);
  const meta = existsSync(`${path}.meta.txt`) ? readFileSync(`${path}.meta.txt`, 'utf8') : '';
  const [, code, signal] = /^exit: code=(\w+) signal=(\w+)/m.exec(meta) ?? [null, '0', 'null'];
  const errors = meta.split('--- stderr ---\n')[1] ?? '';
  return {
    lines: [...errors.split('\n'), ...readFileSync(`${path}.jsonl`, 'utf8').split('\n')],
    code: code === 'null' ? BY_SIGNAL[signal!]! : Number(code),
  };
}
