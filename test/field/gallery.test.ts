/**
 * The gallery of cheats as real tasks: one supervisor, small projects, real runners. No cheat may end as verified without a
 * word, and no honest twin may be blocked. Both rates are printed. Languages whose tools are not installed are left out, and
 * that is said. Without RASEN_TEST_LONG every tenth of them is run. `CHEATS=pattern` runs those
 * whose language and name it fits.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { CHEAT_TASKS, type CheatTask } from '../support/cheat-tasks.ts';
import type { Tree } from '../support/cheats.ts';
import { Instance, pipelineSpec } from '../support/instance.ts';
import { LONG } from '../support/long.ts';

const TOOLS: Record<CheatTask['language'], string[][]> = {
  JavaScript: [['npm', '--version']],
  TypeScript: [['npm', '--version']],
  Python: [['python3', '-m', 'pytest', '--version']],
  Rust: [['cargo', '--version']],
  make: [['make', '--version']],
  Go: [['go', 'version']],
};
const SHARE = 10;
const AT_ONCE = 3;
const GATE_SECONDS = 300;
const PATIENCE_MS = 1_800_000;

const isThere = ([program, ...args]: string[]) => {
  try {
    execFileSync(program!, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const missing = Object.entries(TOOLS)
  .filter(([, tools]) => !tools.every(isThere))
  .map(([language]) => language);
const named = process.env.CHEATS;
const chosen = CHEAT_TASKS.filter(({ language }) => !missing.includes(language)).filter(
  ({ language, name }, i) =>
    named === undefined ? LONG || i % SHARE === 0 : new RegExp(named).test(`${language}: ${name}`),
);

/** Tools that are found by way of the home of who runs the tests are found without it. */
function toolsEnv(): Record<string, string> {
  const python = isThere(['python3', '--version'])
    ? [
        dirname(
          execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim(),
        ),
      ]
    : [];
  return {
    PATH: [dirname(process.execPath), ...python, process.env.PATH].join(delimiter),
    CARGO_HOME: process.env.CARGO_HOME ?? join(homedir(), '.cargo'),
    RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), '.rustup'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

const rig = new Instance(toolsEnv());
beforeAll(() => rig.start());
afterAll(async () => {
  await rig.close();
});

function put(root: string, tree: Tree): void {
  for (const [path, text] of Object.entries(tree)) {
    const file = join(root, path);
    if (text === null) {
      rmSync(file, { force: true });
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (text.startsWith('#!')) chmodSync(file, 0o755);
  }
}

async function run({ gate, setup, before }: CheatTask, change: Tree, name: string): Promise<TaskView> {
  const folder = join(rig.folder, name);
  const project = join(folder, 'p');
  put(project, before);
  const git = (...args: string[]) => execFileSync('git', args, { cwd: project, env: rig.env });
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'first');
  put(join(folder, 'change'), Object.fromEntries(Object.entries(change).filter(([, text]) => text !== null)));
  const gone = Object.entries(change).flatMap(([path, text]) => (text === null ? [`rm '${path}'`] : []));
  const agent = join(folder, 'agent.sh');
  const work = [...gone, `cp -R '${folder}/change/.' .`, 'git add -A', 'git commit -qm work'];
  writeFileSync(agent, `#!/bin/sh\nset -e\ncat >/dev/null\n${work.join('\n')}\n`, { mode: 0o755 });
  const spec = pipelineSpec([{ id: 'add', do: { agent: 'coder' } }], project, {
    name,
    workspace: { kind: 'git', slug: name },
    agents: { coder: { command: [agent] } },
    gates: [{ name: gate.join(' '), run: gate, timeout_seconds: GATE_SECONDS }],
    baseline: 'allow',
    ...(setup ? { setup } : {}),
  });
  const limits = { ...spec.limits, attempts: 1 };
  await rig.call('task.run', { spec: { ...spec, limits }, env: rig.env });
  const [view] = await rig.call<TaskView[]>('task.wait', { tasks: [spec.id] }, PATIENCE_MS);
  return view!;
}

/** How it was stopped, in a word: by the gate `diff`, by the configuration of before, … */
function howOf({ status, reason, verified, verified_but }: TaskView): string {
  if (status === 'completed') return verified ? (verified_but ? 'told' : 'VERIFIED') : 'not verified';
  if (/\bdiff gate\b/.test(reason ?? '')) return 'diff';
  if (/base_config:/.test(reason ?? '')) return 'base_config';
  return /exit code|timed out/.test(reason ?? '') ? 'red' : `${status}: ${reason}`;
}

test(
  `${chosen.length} of ${CHEAT_TASKS.length} cheats and their twins`,
  async () => {
    const results: { task: CheatTask; cheat: string; honest: string; why: string | null }[] = [];
    const queue = [...chosen.entries()];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          const [i, task] = next;
          const cheat = await run(task, task.cheat, `cheat-${i}`);
          const honest = await run(task, task.honest, `honest-${i}`);
          results.push({ task, cheat: howOf(cheat), honest: howOf(honest), why: honest.reason });
          if (process.env.CHEATS_LOG)
            writeFileSync(
              process.env.CHEATS_LOG,
              `${[task.language, task.name, howOf(cheat), cheat.reason ?? cheat.verified_but ?? '', howOf(honest), honest.reason ?? honest.verified_but ?? ''].join('\t')}\n`,
              { flag: 'a' },
            );
        }
      }),
    );
    const count = (of: (result: (typeof results)[number]) => boolean) => results.filter(of).length;
    const ways = [...new Set(results.map(({ cheat }) => cheat))].toSorted();
    const shares = ways.map(way => `${way} ${count(r => r.cheat === way)}`).join(', ');
    const passed = count(({ honest }) => honest === 'VERIFIED' || honest === 'told');
    console.log(
      `cheats verified without a word: ${count(r => r.cheat === 'VERIFIED')} of ${results.length} (${shares}); honest twins verified: ${passed} of ${results.length}` +
        `${missing.length > 0 ? `; not installed, left out: ${missing.join(', ')}` : ''}`,
    );
    const told = ({ task, cheat, honest, why }: (typeof results)[number]) =>
      `${task.language}: ${task.name}: cheat ${cheat}, twin ${honest}${why ? ` (${why})` : ''}`;
    expect(results.filter(r => r.cheat === 'VERIFIED').map(told)).toEqual([]);
    // A cheat that leaves its gate red is none.
    expect(results.filter(r => r.cheat === 'red').map(told)).toEqual([]);
    expect(results.filter(r => r.honest !== 'VERIFIED' && r.honest !== 'told').map(told)).toEqual([]);
  },
  LONG ? 3_600_000 : 1_800_000,
);
