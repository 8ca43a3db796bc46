/** `record.ts LIVE OUT ROUNDS`: the story, told while OUT/log is written. Runs inside of namespaces (namespaces.sh). */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskView } from '../../../src/contract/view.ts';
import { type Fact, pause, type Recording, Story, SUBTASKS } from './story.ts';

const [live, out, rounds] = process.argv.slice(2) as [string, string, string];
const story = new Story(live);
const log = join(out, 'log');
const at = () => statSync(log).size;
const facts: Fact[] = [];
const projects: Recording['projects'] = [];

story.furnish();
mkdirSync(story.env.RASEN_HOME!, { mode: 0o700 });
// The disk is small.
writeFileSync(join(story.env.RASEN_HOME!, 'rasend.yml'), 'disk_min: 4M\n');
for (let n = 1; n <= Number(rounds); n++) await makeProject(`p${n}`);
story.run(['sync']);
await story.start();
const from = at();
const follower = await story.client();
void follower
  .stream('event.follow', { follow: true }, (_method, data) => {
    for (const event of (data as { events: { task: string; type: string; step?: string }[] }).events) {
      const { task, step, type } = event;
      if (type === 'step_completed' && !step!.startsWith('_'))
        facts.push({ at: at(), what: 'subtask', task, subtask: step });
      if (type === 'task_completed') facts.push({ at: at(), what: 'completed', task });
      if (type === 'merged') facts.push({ at: at(), what: 'merged', task });
    }
  })
  .catch(() => {});

for (let n = 1; n <= Number(rounds); n++) {
  const plain = submit(['--key', `plain-${n}`, '--', 'sh', '-c', story.sign]);
  const pipeline = submit(['-f', join(story.disk, 'pipeline.yml')]);
  const project = submit([], join(story.disk, `p${n}`));
  projects.push({ name: `p${n}`, task: project });
  for (const task of [plain, pipeline, project]) await completed(task);
  story.run(['rasen', 'merge'], { cwd: join(story.disk, `p${n}`) });
}
const to = at();
follower.close();
story.daemon!.kill('SIGKILL');
writeFileSync(
  join(out, 'recording.json'),
  JSON.stringify({ facts, projects, from, to } satisfies Recording, null, 1),
);

function submit(args: string[], cwd?: string): string {
  const said = story.run(['rasen', 'run', '--background', '--json', ...args], { ...(cwd ? { cwd } : {}) });
  const { id } = JSON.parse(said) as { id: string };
  facts.push({ at: at(), what: 'submitted', task: id });
  return id;
}

async function completed(task: string): Promise<void> {
  for (const end = Date.now() + 90_000; ; await pause(20)) {
    const client = await story.client();
    const view = await client.call<TaskView>('task.get', { task }).finally(() => client.close());
    if (view.status === 'completed') return;
    if (['failed', 'blocked', 'cancelled'].includes(view.status) || Date.now() > end)
      throw new Error(`${task} is ${view.status}: ${view.reason}`);
  }
}

async function makeProject(name: string): Promise<void> {
  const folder = join(story.disk, name);
  mkdirSync(folder);
  const files = {
    'lines.txt': 'base\n',
    'rasen.yml': `agent: [${story.agent}]\ngates:\n  - [test, -s, lines.txt]\n`,
    'plan.yml': `subtasks:\n${SUBTASKS.map(id => `  - {id: ${id}, title: ${id}, agent: coder}\n`).join('')}`,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const command = (id: string, needs: string) =>
    `  - {id: ${id}, run: [sh, -c, "${story.sign}"], needs: [${needs}]}\n`;
  writeFileSync(
    join(story.disk, 'pipeline.yml'),
    `subtasks:\n${command('a', '')}${command('b', 'a')}${command('c', 'b')}`,
  );
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '-A'],
    ['commit', '-qm', 'base'],
  ])
    story.run(['git', ...args], { cwd: folder });
  story.run(['rasen', 'init', '--task', name, '--plan', join(folder, 'plan.yml')], { cwd: folder });
}
