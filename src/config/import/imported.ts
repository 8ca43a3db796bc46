/** What of a file of processes can be had as subtasks or gates, and what cannot, with the reason. */
import type { Place } from '../problems.ts';

export interface Entry {
  name: string;
  line: number;
}

export interface Imported {
  kind: 'Procfile' | 'process-compose' | 'package.json' | 'crontab' | 'long_running_tasks.yaml';
  /** What the result is: a plan file for `rasen run -f`, or lines for rasen.yml. */
  gives: 'plan' | 'configuration';
  taken: (Entry & { as: string })[];
  left: (Entry & { why: string })[];
  /** Data of the file that comes of it; null: nothing was taken. */
  file: Record<string, unknown> | null;
}

export const entryAt = (name: string, { line }: Pick<Place, 'line'>): Entry => ({ name, line });

/** A word as one types it in a shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
