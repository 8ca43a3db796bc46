/**
 * From the last line of one session of an agent to the first line of the next: its end is seen, what it left is sealed and
 * looked at, the clone is made ready for the next attempt, that is started. The sessions change 50 files each, and there
 * are no gates of the project. A real supervisor in a real repository; parts by the times of the task's events.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import type { Event } from '../../src/contract/event.ts';
import { shellProject } from '../support/shell-project.ts';
import { CHANGED, type Figure, fill } from './workspaces.ts';

const SESSIONS = 6;

/** Two lines for each session: when it began, and when it was through. */
const AGENT = `date +%s%3N >>"$(dirname "$0")/times"
i=0; while [ $i -lt ${CHANGED} ]; do
  echo "$$ $i" >"d$((i % 199))/e$((i % 7))/f$i.txt"; i=$((i + 1))
done
date +%s%3N >>"$(dirname "$0")/times"
`;

/** What is over with an event of this type. */
const PARTS: Partial<Record<Event['type'], string>> = {
  attempt_ended: 'the end is seen',
  attempt_sealed: 'sealed',
  gate_ended: 'the diff is looked at',
  step_completed: 'accepted',
  attempt_prepared: 'prepared',
  attempt_started: 'started, as it is recorded',
};

export async function* gaps(files: number, max: number): AsyncGenerator<Figure> {
  const p = shellProject({ agent: AGENT, git: false, config: { gates: 'none' } });
  try {
    mkdirSync(p.root, { recursive: true });
    fill(p.root, files);
    await p.init(Array.from({ length: SESSIONS }, (_, n) => ({ id: `s${n}` })));
    const { status, stdout, stderr } = await p.rasen('run');
    if (status !== 0) throw new Error(`the task of the bench ended with ${status}: ${stdout}${stderr}`);
    const times = readFileSync(p.beside('times'), 'utf8').trim().split('\n').map(Number);
    const events = (await p.ok('events', '--format', 'json'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Event);
    const all: number[] = [];
    const parts = new Map<string, number[]>();
    for (let n = 1; n < SESSIONS; n += 1) {
      const [from, to] = [times[2 * n - 1]!, times[2 * n]!];
      all.push(to - from);
      const own = new Map<string, number>();
      let last = from;
      for (const event of events) {
        const name = PARTS[event.type];
        const at = Date.parse(event.t);
        if (name === undefined || at < from || at > to + 50 || last > at) continue;
        own.set(name, (own.get(name) ?? 0) + at - last);
        last = at;
        if (event.type === 'attempt_started') break;
      }
      for (const [name, ms] of own) parts.set(name, [...(parts.get(name) ?? []), ms]);
    }
    yield {
      name: `from the end of a session to the start of the next, ${files} files, median`,
      ...{ value: median(all), unit: 'ms', max },
    };
    for (const [name, list] of parts) yield { name: `  of it: ${name}`, value: median(list), unit: 'ms' };
  } finally {
    await p.close();
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
