/**
 * A process that uses a store until it is killed. Arguments: home, what, how often. Says on stdout, a line each, what
 * it was told is durable. `submit`: tasks, one after another. `append`: events of one task, a few at a time, the first
 * with a plan. `snapshot`: snapshots of a finished task, again and again. `pack`: a finished task is packed, goes on, and
 * is packed again. What fails is said, and tried again.
 */
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isRasenError } from '../../src/contract/errors.ts';
import { FileStore } from '../../src/store/file/file-store.ts';
import { ulid } from '../../src/util/ulid.ts';
import { ENV, OUTPUT } from './store-fixture.ts';
import { specOf, TaskBuilder } from './task-builder.ts';

const [home = '', what = '', times = '1'] = process.argv.slice(2);
const store = new FileStore({ home, tasks: join(home, 'tasks'), quarantine: join(home, 'quarantine') });
const say = (text: string) => writeSync(1, `${text}\n`);

/** A fault may hit more than one thread once. */
const TRIES = 4;

async function again<T>(work: () => T | Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES || !isRasenError(error) || error.kind !== 'storage') throw error;
      say(`refused ${error.message}`);
    }
  }
}

function builder(): TaskBuilder {
  const id = ulid();
  return new TaskBuilder(specOf({ id, key: id })).claimed().plan(['login']);
}

async function append(): Promise<void> {
  const life = builder();
  const { events, state } = life;
  let { bytes } = await again(() => store.submit(state.id, events, ENV));
  say(`${state.id} ${events.length}`);
  for (let i = 0; i < Number(times); i++) {
    const from = events.length;
    if (i === 0) life.plan(['login', 'reset']);
    for (let k = 0; k < 3; k++) life.add({ type: 'clock_jumped', ms: i });
    bytes = await again(() => store.append(state.id, bytes, events.slice(from)));
    say(`${state.id} ${events.length}`);
  }
}

switch (what) {
  case 'submit':
    for (let i = 0; i < Number(times); i++) {
      const { events, state } = builder();
      await again(() => store.submit(state.id, events, ENV));
      say(state.id);
    }
    break;
  case 'append':
    await append();
    break;
  case 'snapshot': {
    const { events, state } = builder();
    const loaded = await again(() => store.submit(state.id, events, ENV));
    say(state.id);
    for (let i = 0; i <= Number(times); i++) await again(() => store.snapshot(state.id, loaded));
    break;
  }
  case 'pack': {
    const life = builder().add({ type: 'task_cancelled' });
    const { events, state } = life;
    const { bytes } = await again(() => store.submit(state.id, events, ENV));
    const attempt = join(store.files(state.id).attempts, 'login/1');
    mkdirSync(attempt, { recursive: true });
    writeFileSync(join(attempt, 'output'), OUTPUT);
    say(`${state.id} ${events.length}`);
    await again(() => store.pack(state.id, { state: life.state }, { brief: null }));
    const from = events.length;
    life.add({ type: 'clock_jumped', ms: 1 });
    await again(() => store.append(state.id, bytes, events.slice(from)));
    say(`${state.id} ${events.length}`);
    await again(() => store.pack(state.id, { state: life.state }, { brief: null }));
    break;
  }
}
say('end');
