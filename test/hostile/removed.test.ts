/** An agent that removes the state of its own task, or all of rasen's: what was decided is still known, and `stop` works. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { marked, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';

const make = projects();

const removing = (what: string) => {
  const agent = [
    'sh',
    '-c',
    `cat >/dev/null; rm -rf ${what}; echo gone >removed.txt; touch "$HOME/removed"; exec sleep 1000`,
  ];
  return make({ config: { agent, gates: [['true']], limits: { attempts: 2 } } });
};

test('the folder of its task: the task goes on as it was known, `stop` ends the session, and the end is said in words', async () => {
  const p = removing('"$HOME/h/tasks/$RASEN_TASK"');
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await p.seen('it has removed it', v => v.worktree !== null && existsSync(join(v.worktree, 'removed.txt')));
  const stopped = await p.rasen('stop');
  expect([stopped.status, stopped.stderr]).toEqual([0, '']);
  const view = await p.view();
  expect(view.status).toMatch(/^(?:interrupted|blocked)$/);
});

test('the state of all tasks: its supervisor lets nothing run that nobody watches, and who asks is told', async () => {
  const p = removing('"$HOME/h/tasks" "$HOME/h/keys" "$HOME/h/heads"');
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await until('its session has removed it', () => existsSync(p.beside('removed')));
  await until('its session has ended', () => marked(p.instance.home).length === 0);
  const stopped = await p.rasen('stop');
  expect([stopped.status, stopped.stderr]).toEqual([
    2,
    expect.stringMatching(
      /No supervisor here knows the task of this project, which was run at .*: its state was removed/,
    ),
  ]);
});
