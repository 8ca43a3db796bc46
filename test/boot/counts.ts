/** What several test files count together, each in a process of its own: kept in the run's folder, printed at its end. */
import { appendFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from './host.ts';

export type Counts = Record<string, number>;

const folder = (run: string) => join(run, 'counts');

export function count(run: string, subject: string, counts: Counts): void {
  mkdirSync(folder(run), { recursive: true });
  appendFileSync(join(folder(run), subject), `${JSON.stringify(counts)}\n`);
}

export function printTotals(run: string): void {
  mkdirSync(folder(run), { recursive: true });
  for (const subject of readdirSync(folder(run)).sort()) {
    const total: Counts = {};
    for (const line of readText(join(folder(run), subject))
      .trim()
      .split('\n'))
      for (const [name, n] of Object.entries(JSON.parse(line) as Counts))
        total[name] = (total[name] ?? 0) + n;
    console.log(`${subject}, in all: ${JSON.stringify(total)}`);
  }
}
