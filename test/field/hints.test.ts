/** What is printed to be typed next works where it is typed: in any folder, as it stands there. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RASEN, until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, CLAIMS, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();

/** Every command in a text, as somebody would copy it: to the end of the line, or of what is quoted. */
const commandsIn = (text: string) =>
  [...text.matchAll(/`((?:cd \S+ && )?rasen [^`]+)`|((?:cd \S+ && )?\brasen (?!: )[a-z][^`\n;]*)/g)]
    .map(([, quoted, bare]) => (quoted ?? bare!).trim())
    .filter(command => !command.startsWith('rasen doctor tells'));

/** Types each of them in a folder that has nothing to do with it. Gives what a shell or rasen did not understand. */
function misunderstood(p: SeedProject, text: string): string[] {
  const commands = commandsIn(text);
  expect(commands, text).not.toEqual([]);
  const env = { ...p.instance.env, PATH: `${join(RASEN, '..')}:${process.env.PATH}` };
  return commands.flatMap(command => {
    const typed = command.replace(' --follow', '');
    const ran = spawnSync('sh', ['-c', typed], { cwd: '/', env, encoding: 'utf8', timeout: 400_000 });
    // 2: rasen does not know what is meant; 126 and more are the shell's, 130 is a task that was stopped.
    const known = ran.status !== 2 && (ran.status === 130 || ran.status! < 126);
    return known ? [] : [`${command}: ${ran.status} ${ran.stderr}`];
  });
}
const saidBy = ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}\n${stderr}`;

test('after a pipeline that was stopped, and after one that failed', async () => {
  const p = project({ git: false });
  const release = join(p.instance.folder, 'go on');
  const wait = `while ! test -e '${release}'; do sleep 0.05; done`;
  p.write({ 'pipe.yml': JSON.stringify({ subtasks: [{ id: 'one', run: ['sh', '-c', wait] }] }) });
  const background = await p.rasen('run', '-f', 'pipe.yml', '--background');
  expect(misunderstood(p, background.stderr)).toEqual([]);
  const id = background.stdout.trim();
  const stopped = await p.rasen('stop', id);
  writeFileSync(release, '');
  expect(misunderstood(p, saidBy(stopped))).toEqual([]);
  await until('it went on by what was printed', async () => {
    return JSON.parse((await p.rasen('status', id, '--json')).stdout).status === 'completed';
  });
  p.write({
    'wrong.yml': JSON.stringify({
      subtasks: [
        { id: 'one', run: ['false'] },
        { id: 'two', run: ['true'] },
      ],
    }),
  });
  const failed = await p.rasen('run', '-f', 'wrong.yml');
  expect(failed.status).toBe(1);
  expect(misunderstood(p, saidBy(failed))).toEqual([]);
});

test('the same plain command once more, whatever is in its words', async () => {
  const p = project({ git: false });
  const folder = join(p.instance.folder, "it's a folder");
  mkdirSync(folder);
  const args = ['run', '--background', '--', 'printf', '%s\n', "a 'quoted' $HOME; word"];
  const { stdout } = p.instance.rasen(args, { cwd: folder });
  const id = stdout.trim();
  expect((await p.rasen('wait', id)).status).toBe(0);
  const refused = p.instance.rasen(['resume', id], { cwd: '/' });
  const [, again] = refused.stderr.split('as a new task: ');
  const env = { ...p.instance.env, PATH: `${join(RASEN, '..')}:${process.env.PATH}` };
  const ran = spawnSync('sh', ['-c', again!], { cwd: '/', env, encoding: 'utf8' });
  expect([ran.status, ran.stdout]).toEqual([0, "a 'quoted' $HOME; word\n"]);
});

test('for a question, a refused merge, a task that is over and one that is blocked', async () => {
  const p = project({ config: { limits: { attempts: 1 } } });
  const asks: Act[] = [{ claim: { status: 'blocked', summary: 'Which one?' } }];
  p.script({ a: [asks, asks, WORKS] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const early = await p.rasen('merge');
  expect(misunderstood(p, early.stderr)).toEqual([]);
  // The answer that is suggested is given, and so the task goes on.
  expect(misunderstood(p, (await p.rasen('status')).stdout)).toEqual([]);
  expect((await p.rasen('wait')).status).toBe(0);
  expect(misunderstood(p, (await p.rasen('logs')).stdout)).toEqual([]);
  const over = await p.rasen('run');
  const merge = commandsIn(over.stderr).filter(command => command.startsWith('rasen merge'));
  expect(misunderstood(p, merge.join('\n'))).toEqual([]);
  expect((await p.rasen('status')).stdout).toContain('\nMerged: into main');
  expect((await p.rasen('status')).stdout).not.toContain('Next:');
});

test('a judge is left out of a task that goes on, and is not while it runs', async () => {
  const reject = [
    { claim: { verdict: 'changes_requested' as const, summary: 'No.', issues: ['one', 'two'] } },
  ];
  const p = project({
    config: agent => ({
      review: { enabled: true, agent: { command: agent }, max_loops: 1 },
      limits: { attempts: 1 },
    }),
  });
  p.script({ reviewer: [reject], '*': [WORKS, CLAIMS] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const plan = JSON.parse(p.read('.rasen/implementation_plan.json'));
  expect(plan.review.feedback).toEqual(['one', 'two']);
  const again = await p.rasen('run', '--skip-review', '--name', 'other');
  expect([again.status, again.stderr]).toEqual([0, expect.stringContaining('not used: --name')]);
  expect((await p.rasen('logs')).stdout).toContain('Task resumed without review');
});

test('without a repository, and without a commit, nothing is said to have started', async () => {
  const p = project({ git: false });
  await p.init([{ id: 'a' }]);
  const none = await p.rasen('run', '--background');
  expect([none.status, none.stdout]).toEqual([2, '']);
  expect(none.stderr).toMatch(/is in no git repository.*\n.*git init/);
  spawnSync('git', ['init', '-q', p.root]);
  const empty = await p.rasen('run', '--background');
  expect([empty.status, empty.stderr]).toEqual([2, expect.stringContaining('has no commit yet')]);
  p.git('add', '-A');
  p.git('commit', '-qm', 'first');
  expect((await p.rasen('run', '--background')).stdout).toContain('Daemon started');
  expect((await p.rasen('wait')).status).toBe(0);
});
