/**
 * A store whose disk gets full (`disk`: the file system is small; `limit`: files may not grow), and gets room again.
 * Arguments: home, which. Prints one JSON object: what was refused, and whether anything was changed by that.
 */
import { readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isRasenError } from '../../src/contract/errors.ts';
import { FileStore } from '../../src/store/file/file-store.ts';
import { ulid } from '../../src/util/ulid.ts';
import { ENV, failedPipeline, writeLife } from './store-fixture.ts';
import { specOf, TaskBuilder } from './task-builder.ts';

const [home = '', which = ''] = process.argv.slice(2);
const ballast = join(home, 'ballast');
const paths = { home, tasks: join(home, 'tasks'), quarantine: join(home, 'quarantine') };
const store = new FileStore(paths);
const life = new TaskBuilder(specOf({ id: ulid(), prompts: {} })).claimed().plan(['login']);
const { id } = life.state;
const loaded = store.submit(id, life.events, ENV);
let { bytes } = loaded;
const refused: { kind: string; message: string; hint: string | undefined }[] = [];

/** false: it was refused. */
async function attempt(work: () => unknown): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!isRasenError(error)) throw error;
    refused.push({ kind: error.kind, message: error.message, hint: error.hint });
    return false;
  }
}

await store.snapshot(id, loaded);
if (which === 'disk') fill(12 * 1024);

let same = true;
let known = life.events.length;
const message = 'x'.repeat(3000);
for (let i = 0; i < 30 && refused.length < 3; i++) {
  if (life.events.length === known) {
    life.add({ type: 'task_waiting', why: 'limit', resume_at: '2026-01-28T00:00:00Z', message });
    life.add({ type: 'clock_jumped', ms: i });
  }
  const before = readFileSync(join(paths.tasks, id, 'events.jsonl'));
  const done = await attempt(async () => {
    bytes = await store.append(id, bytes, life.events.slice(known));
  });
  if (done) known = life.events.length;
  else same &&= readFileSync(join(paths.tasks, id, 'events.jsonl')).equals(before);
}
if (which === 'disk') {
  const stateBefore = store.load(id)!.state;
  const another = failedPipeline();
  same &&= !(await attempt(() =>
    store.submit(another.state.id, another.events, { FILLER: 'x'.repeat(60_000) }),
  ));
  same &&= store.list().length === 1;
  // The package that writes snapshots takes a part for the whole; then the one before must still be there.
  fill(24 * 1024);
  const snapshot = readFileSync(join(paths.tasks, id, 'task.json'));
  const long = { ...stateBefore, reason: 'x'.repeat(60_000) } as never;
  same &&= !(await attempt(() => store.snapshot(id, { state: long })));
  same &&= readFileSync(join(paths.tasks, id, 'task.json')).equals(snapshot);
  rmSync(ballast);
  await writeLife(store, another);
}
const seen_events = store.events(id).length;
const loaded_seq = new FileStore(paths).load(id)!.state.seq;
// Room again: with the limit, that is an event that still fits.
const rest = which === 'disk' ? life.events.slice(known) : [{ ...life.events[known]!, message: '' }];
await store.append(id, bytes, rest as typeof life.events);
const then = new FileStore(paths).load(id)!.state.seq;
writeSync(1, JSON.stringify({ refused, same, seen_events, loaded_seq, then }));

/** Leaves room for so many bytes. */
function fill(room: number): void {
  rmSync(ballast, { force: true });
  for (let size = 240 * 1024; size > 0; size -= 4096) {
    try {
      writeFileSync(ballast, Buffer.alloc(size));
      rmSync(ballast);
      writeFileSync(ballast, Buffer.alloc(Math.max(4096, size - room)));
      return;
    } catch {
      // Too much: a page less.
    }
  }
}
