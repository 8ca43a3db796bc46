/**
 * What rasen opens is not always a file: an agent, a command or a clone can put anything in its place. For every file
 * that is opened below an attempt or in a project, and every kind of thing: the task or the view has the trouble alone,
 * others are answered within 200 ms, and nothing outside is read or written.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALL_KINDS, type Kind, namesIn, Outside, planting } from '../support/hostile-files.ts';
import { commandSpec, Instance, pipelineSpec, tick } from '../support/instance.ts';
import { LONG } from '../support/long.ts';
import { answerMsMax, type Pinger, startPinger } from '../support/pinger.ts';
import { VIEWS } from '../support/task-builder.ts';

/** Without an agent a project is made all the same. */
const NO_AGENTS = '/usr/bin:/bin';
const AT_ONCE = 6;
/** Longest life of a task whose command takes a moment, in ms. */
const OVER_MS_MAX = 30_000;
const OVER = ['completed', 'failed', 'cancelled', 'blocked'];

interface View {
  status: string;
  reason: string | null;
  subtasks: { id: string; reason?: string | null }[];
}

let rig: Instance;
let outside: Outside;
let pinger: Pinger | null;

beforeEach(async () => {
  rig = new Instance();
  outside = new Outside(join(rig.folder, 'outside'));
  await rig.start();
  pinger = await startPinger(rig.socket, rig.daemon!.pid!);
});
afterEach(async () => {
  await pinger?.end();
  await rig.close({ leftovers: 'kill' });
});

/** Every case, a few at a time. What was wrong with them, by name. */
async function each<T>(cases: readonly T[], one: (c: T) => Promise<string[]>): Promise<string[]> {
  const left = [...cases];
  const wrong: string[] = [];
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) wrong.push(...(await one(next)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return wrong;
}

async function submit(spec: { id: string }): Promise<void> {
  await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
}

/** How it ended; one that does not is stopped, so that the others can be seen. */
async function over(id: string): Promise<View> {
  const end = Date.now() + OVER_MS_MAX;
  for (;;) {
    const view = await rig.call<View>('task.get', { task: id });
    if (OVER.includes(view.status)) return view;
    if (Date.now() > end) {
      await rig.call('task.cancel', { task: id, force: true }, 5000).catch(() => {});
      return { ...view, status: `still ${view.status}` };
    }
    await tick();
  }
}

async function logOf(id: string): Promise<string> {
  const client = await rig.client();
  let text = '';
  await client.stream('log.follow', { task: id, gates: true }, (_, { records }) => {
    for (const record of records) text += `${record.text}\n`;
  });
  client.close();
  return text;
}

async function pinged(): Promise<void> {
  const { count, longest_ms, longest_raw_ms, error } = await pinger!.end();
  pinger = null;
  console.info(
    `${count} answers, the longest after ${longest_ms.toFixed(0)} ms (${longest_raw_ms.toFixed(0)} ms by the clock)`,
  );
  expect(error).toBeNull();
  expect(count).toBeGreaterThan(10);
  expect(longest_ms).toBeLessThan(answerMsMax());
}

/** In the short form each name meets the kinds that once did harm, and the others in turn. */
function matrix(names: readonly string[], always: readonly Kind[]): { name: string; kind: Kind }[] {
  const rest = ALL_KINDS.filter(kind => !always.includes(kind));
  return names.flatMap((name, i) =>
    (LONG ? ALL_KINDS : [...always, rest[i % rest.length]!]).map(kind => ({ name, kind })),
  );
}

/** Exit status of a script that has not found where to put something. */
const LOST = 99;
const sh = (script: string, ...args: string[]) => ['sh', '-c', script, 'sh', ...args];
describe('in the folder of an attempt', () => {
  it('anything may be there: its own task has the trouble, nobody else', async () => {
    const names = namesIn('attempt-files.txt').filter(name => name !== 'exit' || RUNNER_CLEARS);
    const cases = matrix(names, ['a FIFO', 'a link out']);
    const wrong = await each(cases, async ({ name, kind }) => {
      const script = `cd "$1/tasks/$RASEN_TASK/attempts/run/"1-* || exit ${LOST}; ${planting(kind, name)}`;
      const spec = commandSpec(sh(script, rig.home), rig.folder, {
        env: outside.env,
        limits: { ...QUICK, output_max_bytes: 1024 * 1024 },
      });
      await submit(spec);
      const view = await over(spec.id);
      const log = await logOf(spec.id);
      const what = `${name}: ${kind}`;
      return [
        ...(OVER.includes(view.status) ? [] : [`${what}: ${JSON.stringify(view).slice(0, 300)}`]),
        ...(view.reason?.includes(`exit code ${LOST}`) ? [`${what}: its folder was not found`] : []),
        ...(view.status !== 'completed' && !view.reason ? [`${what}: ${view.status} without a word`] : []),
        // A second name is a file in the folder, and whoever made it could read it anyway.
        ...(outside.isIn(log) && kind !== 'a second name of another file'
          ? [`${what}: read from outside`]
          : []),
        ...(name === 'output' && SAID[kind] && !log.includes(SAID[kind])
          ? [`${what}: not told: ${log}`]
          : []),
      ];
    });
    expect(wrong).toEqual([]);
    expect(outside.changes()).toBe('');
    await pinged();
    // All of it is there when the next supervisor comes.
    await rig.kill();
    await rig.start();
    const spec = commandSpec(['true'], rig.folder);
    await submit(spec);
    expect((await over(spec.id)).status).toBe('completed');
    expect(outside.changes()).toBe('');
  });
});

describe('where an agent leaves its result', () => {
  /** The file itself, and the folder that is its alone. */
  const NAMES = ['"$(basename "$RASEN_RESULT_FILE")"', '../"$(basename "$(dirname "$RASEN_RESULT_FILE")")"'];

  it('anything may be there: the attempt is told what is wrong, and fails alone', async () => {
    const kinds = LONG
      ? ALL_KINDS
      : ALL_KINDS.filter(kind => !kind.startsWith('a file that') && kind !== 'a socket');
    const cases = kinds.flatMap(kind => NAMES.map((name, i) => ({ name, kind, is_folder: i === 1 })));
    const wrong = await each(cases, async ({ name, kind, is_folder }) => {
      const script = `cat >/dev/null; cd "$(dirname "$RASEN_RESULT_FILE")"; n=${name}; ${planting(kind, '$n')}`;
      const spec = pipelineSpec([{ id: 'one', do: { agent: 'coder' } }], rig.folder, {
        agents: { coder: { command: sh(script) } },
        env: outside.env,
        limits: QUICK,
      });
      await submit(spec);
      const view = await over(spec.id);
      const told = JSON.stringify(view);
      const what = `${is_folder ? 'its folder' : 'the file'}: ${kind}`;
      const sentence = is_folder ? RESULT_FOLDER_SAID[kind] : RESULT_SAID[kind];
      return [
        ...(OVER.includes(view.status) ? [] : [`${what}: ${view.status}`]),
        ...(sentence && !told.includes(sentence) ? [`${what}: not told: ${told.slice(0, 2000)}`] : []),
        ...(outside.isIn(told) ? [`${what}: read from outside`] : []),
      ];
    });
    expect(wrong).toEqual([]);
    expect(outside.changes()).toBe('');
    await pinged();
  });
});

describe('in a project', () => {
  it('anything may be there: views are written or not, through no link, and no task has to wait', async () => {
    const cases = matrix(namesIn('project-files.txt'), [
      'a FIFO',
      'a link out',
      'a second name of another file',
    ]);
    let n = 0;
    const wrong = await each(cases, async ({ name, kind }) => {
      const project = join(rig.folder, `p${n++}`);
      mkdirSync(project);
      execFileSync('sh', ['-c', planting(kind, name)], {
        cwd: project,
        env: { ...process.env, ...outside.env },
      });
      const spec = pipelineSpec([{ id: 'a', do: { run: ['true'] } }], project, { views: VIEWS });
      await submit(spec);
      const view = await over(spec.id);
      const what = `${name}: ${kind}`;
      const other = name.endsWith('status.json') ? 'metrics.json' : 'status.json';
      const is_way = ['.rasen', '.rasen/logs'].includes(name);
      // A file in the way is replaced, and the views that nothing is in the way of are written.
      const shown = await settled(join(project, '.rasen', other), name === '.rasen');
      return [
        ...(view.status === 'completed' ? [] : [`${what}: ${view.status}`]),
        ...(shown || (is_way && name === '.rasen') ? [] : [`${what}: ${other} is not written`]),
      ];
    });
    expect(wrong).toEqual([]);
    expect(outside.changes()).toBe('');
    await pinged();
  });

  it('anything may have come with a clone: a command says what it is, and waits for none of it', async () => {
    const names = ['.rasen', '.rasen/task.json', '.rasen/task.txt', '.rasen/status.json', '.rasen/plan.json'];
    const cases = matrix(names, ['a FIFO']);
    let n = 0;
    const wrong = await each(cases, async ({ name, kind }) => {
      const cwd = join(rig.folder, `c${n++}`);
      mkdirSync(cwd);
      const init = () => rig.rasenAsync(['init', '--task', 'x'], { cwd, env: { PATH: NO_AGENTS } });
      if (name !== '.rasen') await init();
      execFileSync('sh', ['-c', planting(kind, name)], { cwd, env: { ...process.env, ...outside.env } });
      const said = [await rig.rasenAsync(['status'], { cwd }), await init()];
      return said.flatMap(({ status, stdout, stderr }) => {
        const text = stdout + stderr;
        const is_wrong = status === null || /internal|bug in rasen/i.test(text) || outside.isIn(text);
        return is_wrong ? [`${name}: ${kind}: ${status}: ${text}`] : [];
      });
    });
    expect(wrong).toEqual([]);
    expect(outside.changes()).toBe('');
  });

  /** Views follow a moment later. */
  async function settled(path: string, need_not: boolean): Promise<boolean> {
    for (const end = Date.now() + (need_not ? 0 : 10_000); ; ) {
      if (existsSync(path)) return true;
      if (Date.now() > end) return false;
      await tick();
    }
  }
});

/** A runner that opens what it finds under the name of its record has to be ended by hand; that is no matter of reading. */
const RUNNER_CLEARS = readFileSync(join(import.meta.dirname, '../../src/runner/runner.sh'), 'utf8').includes(
  'rm -rf "$rasen_record"',
);

const QUICK = {
  max_iterations: 4,
  max_runtime_seconds: null,
  session_delay_seconds: 0,
  session_timeout_seconds: null,
  idle_timeout_seconds: null,
  max_consecutive_failures: 2,
};

/** What the log says in place of an output that is none. */
const SAID: Partial<Record<Kind, string>> = {
  'a FIFO': 'its output is a FIFO, not a file',
  'a link to an endless device': 'its output is a symbolic link, not a file',
  'a link out': 'its output is a symbolic link, not a file',
  'a link to where nothing is': 'its output is a symbolic link, not a file',
  'a link to itself': 'its output is a symbolic link, not a file',
  'a folder': 'its output is a folder, not a file',
  'a socket': 'its output is a socket, not a file',
};

const LINKED = 'the result file is a symbolic link, not a file';
const RESULT_SAID: Partial<Record<Kind, string>> = {
  'a FIFO': 'the result file is a FIFO, not a file',
  'a link to an endless device': LINKED,
  'a link out': LINKED,
  'a link to where nothing is': LINKED,
  'a link to itself': LINKED,
  'a folder': 'the result file is a folder, not a file',
  'a socket': 'the result file is a socket, not a file',
  '10 GB without a byte': 'the result file is larger than 4194304 bytes',
};
const BEHIND = 'which is a link or no folder';
const RESULT_FOLDER_SAID: Partial<Record<Kind, string>> = {
  'a FIFO': BEHIND,
  'a link to an endless device': BEHIND,
  'a link out': BEHIND,
  'a link to itself': BEHIND,
  '10 GB without a byte': BEHIND,
};
