/**
 * `check.ts LIVE RECORDING CUT`: the machine is on again after a power cut at byte CUT of the log, and nobody does
 * anything. Prints what is wrong, as JSON: an empty list when every promise was kept.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskView } from '../../../src/contract/view.ts';
import { pause, type Recording, Story, SUBTASKS } from './story.ts';

const [live, recording, cut] = process.argv.slice(2) as [string, string, string];
const story = new Story(live);
const { facts, projects } = JSON.parse(readFileSync(recording, 'utf8')) as Recording;
const known = facts.filter(fact => fact.at <= Number(cut));
const wrong: string[] = [];

story.furnish();
await story.start();
const views = await settled();
for (const { task } of known.filter(fact => fact.what === 'submitted'))
  if (!views.some(view => view.id === task)) wrong.push(`${task} was acknowledged and is gone`);
for (const view of views)
  if (view.status !== 'completed') wrong.push(`${view.id} (${view.name}) is ${view.status}: ${view.reason}`);

const starts = story.starts();
for (const line of new Set(starts)) {
  const times = starts.filter(other => other === line).length;
  const [task, subtask] = line.split(' ');
  if (times > 1) wrong.push(`${line}: started ${times} times after the cut`);
  if (known.some(fact => fact.what === 'subtask' && fact.task === task && fact.subtask === subtask))
    wrong.push(`${line}: completed before the cut, and started again`);
}
for (const { name, task } of projects) {
  const cwd = join(story.disk, name);
  if (!existsSync(join(cwd, '.git')) || !views.some(view => view.id === task)) continue;
  const fsck = story.run(['git', 'fsck', '--strict', '--no-dangling'], { cwd, may_fail: true });
  if (fsck.trim() !== '') wrong.push(`${name}: git fsck: ${fsck}`);
  if (views.find(view => view.id === task)!.status !== 'completed') continue;
  // A merge that nobody was told of is asked for again, as its user would.
  const merged = known.some(fact => fact.what === 'merged' && fact.task === task);
  if (!merged) {
    let said = '';
    for (const end = Date.now() + 30_000; Date.now() < end; await pause(100)) {
      said = story.run(['rasen', 'merge', task], { cwd, may_fail: true });
      // It goes on by itself, and may be under way.
      if (!said.startsWith('exit') || /already merged/.test(said)) break;
    }
    if (said.startsWith('exit') && !/already merged/.test(said)) wrong.push(`${name}: merge: ${said}`);
  }
  const lines = story.run(['git', 'show', 'main:lines.txt'], { cwd, may_fail: true });
  if (lines !== `base\n${SUBTASKS.map(id => `${id}\n`).join('')}`)
    wrong.push(`${name}: main has ${JSON.stringify(lines)}`);
  const files = story.run(
    ['git', 'status', '--porcelain', '--', 'lines.txt', ...SUBTASKS.map(id => `${id}.txt`)],
    {
      cwd,
      may_fail: true,
    },
  );
  if (files !== '') wrong.push(`${name}: after the merge git status says ${JSON.stringify(files)}`);
}
story.daemon!.kill('SIGKILL');
console.log(JSON.stringify(wrong));
process.exit(0);

async function settled(): Promise<TaskView[]> {
  for (const end = Date.now() + 300_000; ; await pause(50)) {
    const client = await story.client();
    const list = await client.call<TaskView[]>('task.list', { limit: 1000 }).finally(() => client.close());
    const busy = list.some(view => ['pending', 'running', 'waiting'].includes(view.status));
    if (!busy || Date.now() > end) return list;
  }
}
