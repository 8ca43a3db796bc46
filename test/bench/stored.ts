/** Makes a state folder with many finished tasks, as the store would have written them, without syncing each. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Event, NewEvent } from '../../src/contract/event.ts';
import { taskSpec } from '../../src/contract/spec.ts';
import { stamp } from '../../src/engine/advance.ts';
import { foldAll } from '../../src/engine/fold.ts';
import { encodeEnv } from '../../src/store/file/env.ts';
import { encodeJournalLine, type Line } from '../../src/store/file/journal.ts';
import { encodeSnapshot } from '../../src/store/file/snapshot.ts';
import { sha256 } from '../../src/util/sha256.ts';
import { FORMAT } from '../../src/version.ts';
import { commandSpec } from '../support/instance.ts';

export function storeTasks(home: string, count: number): string[] {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const spec = taskSpec.parse(commandSpec(['npm', 'test'], '/tmp'));
    const folder = join(home, 'tasks', spec.id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const clock = () => ({ t: new Date(Date.now() - 86_400_000).toISOString(), mono: 1000, boot: 'b' });
    const submitted = { seq: 1, ...clock(), epoch: 0, type: 'task_submitted', spec } as Event;
    const rest = stamp(foldAll([submitted]), life(spec), clock);
    const events = [submitted, ...rest.events];
    const artifact = (file: string, value: unknown) => {
      const text = `${JSON.stringify(value, null, 1)}\n`;
      writeFileSync(join(folder, file), text);
      return { file, sha256: sha256(text) };
    };
    const text = events
      .map((event, n) => {
        let line = event as unknown as Line;
        if (event.type === 'task_submitted') line = { ...line, spec: artifact('spec.json', event.spec) };
        if (event.type === 'plan_frozen') line = { ...line, plan: artifact('plan.1.json', event.plan) };
        return encodeJournalLine(n === 0 ? ({ v: FORMAT, ...line } as Line) : line);
      })
      .join('');
    writeFileSync(join(folder, 'events.jsonl'), text);
    writeFileSync(join(folder, 'env.json'), encodeEnv({ env: {}, before: {} }));
    const { state } = rest;
    writeFileSync(
      join(folder, 'task.json'),
      encodeSnapshot(FORMAT, state, { bytes: Buffer.byteLength(text), crc: crc32(text), format: FORMAT }),
    );
    ids.push(spec.id);
  }
  return ids;
}

function life(spec: ReturnType<typeof taskSpec.parse>): NewEvent[] {
  const at = { step: 'run', n: 1 };
  return [
    { type: 'task_claimed', host: 'bench', incarnation: 'x', boot: 'b' },
    { type: 'plan_frozen', plan: spec.plan!, sha256: 'x', rev: 1, source: 'command' },
    { type: 'task_started' },
    { type: 'attempt_created', ...at, nonce: 'n', from: null, work: true },
    { type: 'attempt_prepared', ...at },
    { type: 'attempt_started', ...at, pid: 1 },
    {
      type: 'attempt_ended',
      ...at,
      outcome: 'ok',
      code: 0,
      signal: null,
      ended_at: new Date().toISOString(),
      output_bytes: 100,
      dropped_bytes: 0,
      message: null,
      claim: null,
    },
    { type: 'attempt_closed', ...at, outcome: 'ok', reason: null, retry_at: null, wait: null, block: null },
    { type: 'step_completed', step: 'run', commit: null, good: null },
    { type: 'task_completed', verified: true, commit: null },
  ];
}
