/**
 * An agent that removes the state of its own task, or all of rasen's, while its supervisor runs or is down: what was decided
 * is still known or said to be lost, `list`, `status` and `stop` answer, nothing runs that nobody watches, and other tasks go on.
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findProject } from '../../src/cli/project.ts';
import { marked, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { isAlive, type SeedProject } from '../support/scripted-agent.ts';

const make = projects();

/** `down`: not before the supervisor is. */
const removing = (what: string, { down = false } = {}) => {
  const wait = down ? 'until [ -e "$HOME/down" ]; do sleep 0.05; done;' : '';
  const agent = [
    'sh',
    '-c',
    `cat >/dev/null; touch "$HOME/begun"; ${wait} rm -rf ${what}; touch "$HOME/removed"; exec sleep 1000`,
  ];
  return make({ config: { agent, gates: [['true']], limits: { attempts: 2 } } });
};
const ITS_FOLDER = '"$HOME/h/tasks/$RASEN_TASK"';
const ALL = '"$HOME/h"';

/** Begins the task, and gives its id; with `down` the supervisor is killed before the agent goes on. */
async function begin(p: SeedProject, { down = false } = {}): Promise<string> {
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await until('its session has begun', () => existsSync(p.beside('begun')));
  const { id } = findProject(p.root)!.task;
  expect(marked(p.instance.home, [id])).not.toEqual([]);
  if (down) {
    await p.crash();
    writeFileSync(p.beside('down'), '');
  }
  await until('its session has removed it', () => existsSync(p.beside('removed')));
  return id;
}

/** A command that ends when it is told. */
async function other(p: SeedProject): Promise<() => Promise<void>> {
  const script = `until [ -e ${p.beside('go')} ]; do sleep 0.05; done; echo it went on`;
  const { stdout, status } = await p.instance.rasenAsync(['run', '--background', '--', 'sh', '-c', script]);
  expect(status).toBe(0);
  return async () => {
    writeFileSync(p.beside('go'), '');
    const waited = await p.instance.rasenAsync(['wait', stdout.trim()]);
    expect([waited.status, waited.stderr]).toEqual([0, expect.stringContaining('task completed')]);
  };
}

const nothingRuns = (p: SeedProject, id: string) =>
  until('nothing of it runs', () => marked(p.instance.home, [id]).length === 0);

test('the folder of its task: the task goes on as it was known, and stop ends the session', async () => {
  const p = removing(ITS_FOLDER);
  const goesOn = await other(p);
  const id = await begin(p);
  const stopped = await p.rasen('stop');
  expect([stopped.status, stopped.stderr]).toEqual([0, '']);
  expect((await p.view()).status).toBe('interrupted');
  expect(marked(p.instance.home, [id])).toEqual([]);
  await goesOn();
});

test('the folder of its task while no supervisor runs: the next one ends the session, and says that the task is damaged', async () => {
  const p = removing(ITS_FOLDER, { down: true });
  const goesOn = await other(p);
  const id = await begin(p, { down: true });
  const gone = new RegExp(`task ${id} is damaged: its folder .* is gone; rasen did not remove it`);
  const stopped = await p.rasen('stop');
  expect([stopped.status, stopped.stderr]).toEqual([5, expect.stringMatching(gone)]);
  await nothingRuns(p, id);
  const said = await until('it says so', async () => {
    const status = await p.rasen('status');
    expect([status.status, status.stderr]).toEqual([5, expect.stringMatching(gone)]);
    return /what still ran of it was ended\n.*rasen gc --damaged/.test(status.stderr);
  });
  expect(said).toBe(true);
  const list = await p.rasen('list');
  expect([list.status, list.stdout]).toEqual([0, expect.stringMatching(/ damaged /)]);
  await goesOn();
  await p.ok('gc', '--damaged');
  expect(await p.ok('list')).not.toContain('damaged');
});

test.each([
  ['all of it', ALL],
  ['the state of all tasks', '"$HOME/h/tasks" "$HOME/h/keys" "$HOME/h/heads"'],
])(
  '%s, under a supervisor: it ends what runs before it ends itself, and who asks is told',
  async (_name, what) => {
    const p = removing(what);
    const id = await begin(p);
    await nothingRuns(p, id);
    await toldOfRemoval(p);
  },
);

test('all of it while no supervisor runs: the next one ends what works in a folder that is not there', async () => {
  const p = removing(ALL, { down: true });
  const id = await begin(p, { down: true });
  await toldOfRemoval(p);
  await nothingRuns(p, id);
});

async function toldOfRemoval(p: SeedProject): Promise<void> {
  const stopped = await p.rasen('stop');
  expect([stopped.status, stopped.stderr]).toEqual([
    2,
    expect.stringMatching(
      /No supervisor here knows the task of this project, which was run at .*: its state was removed/,
    ),
  ]);
  const status = await p.rasen('status');
  expect([status.status, status.stdout]).toEqual([0, expect.stringMatching(/^Status: not_running$/m)]);
  expect(status.stderr).toContain('no supervisor here knows this task');
  expect(await p.ok('list')).toBe('No tasks yet.\n');
  // And work can begin anew.
  const { status: again } = await p.instance.rasenAsync(['run', '--', 'true']);
  expect(again).toBe(0);
}

test('a folder that was only moved away: what runs lives on, and is there again with it', async () => {
  const p = make({
    config: {
      agent: ['sh', '-c', 'cat >/dev/null; touch "$HOME/begun" "$HOME/removed"; exec sleep 1000'],
      gates: [['true']],
    },
  });
  const id = await begin(p);
  const pid = p.instance.pid()!;
  const away = p.beside('away');
  renameSync(p.instance.home, away);
  await until('its supervisor has ended', () => !isAlive(pid));
  expect(marked(p.instance.home, [id])).not.toEqual([]);
  renameSync(away, p.instance.home);
  await p.ok('resume', '--background');
  expect((await p.view()).status).toBe('running');
  await p.ok('stop');
  await nothingRuns(p, id);
});
