/** What runs at the end and has failed is done again from there: `rasen retry` of a completed task, with what comes after it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { Instance } from '../support/instance.ts';

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

const at = (name: string) => join(rig.folder, 'w', name);
const says = (word: string, more = '') => ['sh', '-c', `echo ${word} >> log${more}`];
const SUBTASKS = [
  { id: 'work', run: says('work') },
  { id: 'first', run: says('first', '; test -e ok'), finally: true },
  { id: 'then', run: says('then'), needs: ['first'], finally: true },
];

test.each([
  ['by its name', ['first']],
  ['without one', []],
] as const)(
  'a step of the end that failed is retried %s, and the work is not done again',
  async (_, words) => {
    mkdirSync(join(rig.folder, 'w'));
    writeFileSync(at('steps.yml'), JSON.stringify({ subtasks: SUBTASKS }));
    const rasen = (...args: string[]) => rig.rasenAsync(args, { cwd: join(rig.folder, 'w') });
    expect((await rasen('run', '--name', 'steps', '-f', 'steps.yml')).status).toBe(0);
    const [{ id, subtasks }] = (await rig.call<TaskView[]>('task.list')) as [TaskView];
    expect(subtasks.map(s => s.status)).toEqual(['completed', 'failed', 'skipped']);
    writeFileSync(at('ok'), '');
    expect((await rasen('retry', ...words, '--task', id)).status).toBe(0);
    expect((await rasen('wait', id)).status).toBe(0);
    const view = await rig.call<TaskView>('task.get', { task: id });
    expect(view.subtasks.map(s => s.status)).toEqual(['completed', 'completed', 'completed']);
    expect(readFileSync(at('log'), 'utf8')).toBe('work\nfirst\nfirst\nthen\n');
  },
);
