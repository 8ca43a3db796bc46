/**
 * The lists of names that files.test.ts puts something else in the place of: made by a look at what the system is asked for
 * in the course of a whole task, and not by memory.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeRepo } from '../crash/kills-repo.ts';
import { namesIn } from '../support/hostile-files.ts';
import { commandSpec, Instance, pipelineSpec, RASEND, until } from '../support/instance.ts';
import { CAN_TRACE, openedFiles, STRACE } from '../support/opened-files.ts';
import { VIEWS } from '../support/task-builder.ts';

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

const sh = (script: string) => ['sh', '-c', script];
const submit = (spec: { id: string }) => rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
const statusOf = async (task: string) => (await rig.call<{ status: string }>('task.get', { task })).status;

/** A file in the folder of a job: of an attempt, a gate, a gate before a merge. The names of these end with a nonce. */
const JOB_FILE =
  /\/attempts\/(?:_merge\/)?[^/]+\/\d+-\w+(?:\/gates\/\d+\.\d+-\w+)?\/((?!gates(?:\/|$))[^/]+)(?:\/.*)?$/;

it.skipIf(!CAN_TRACE)(
  'the lists have every file that rasend opens or makes in the course of a task',
  async () => {
    const trace = join(rig.folder, 'trace');
    const traced = spawn(STRACE[0]!, [...STRACE.slice(1), '-o', trace, RASEND], {
      env: rig.env,
      stdio: 'ignore',
    });
    const ended = new Promise(resolve => traced.once('exit', resolve));
    await until('the supervisor answers', () => rig.call('daemon.status').then(() => true));
    const project = makeRepo(join(rig.folder, 'repo'), rig.env);
    const claim = '{"status":"done","verdict":"approved"}';
    const agent = sh(
      `cat >/dev/null; [ "$RASEN_ROLE" = reviewer ] || echo more >>more.txt; echo '${claim}' >"$RASEN_RESULT_FILE"`,
    );
    const on = { enabled: true, per_subtask: true, max_loops: 1, recurring_issue_threshold: 1 };
    const spec = pipelineSpec(
      [{ id: 'one', do: { agent: 'coder' }, gates: [{ name: 'passes', run: ['true'] }] }],
      project,
      {
        ...{ workspace: { kind: 'git', slug: 'traced' }, views: VIEWS, review: on },
        agents: { coder: { command: agent }, reviewer: { command: agent } },
      },
    );
    await submit(spec);
    await until('it is done', async () => (await statusOf(spec.id)) === 'completed', 90_000);
    const client = await rig.client();
    await client.stream('log.follow', { task: spec.id, gates: true }, () => {});
    client.close();
    await rig.call('task.merge', { task: spec.id, into: null, squash: false });
    const stopped = commandSpec(sh('sleep 60'), project, { views: VIEWS });
    await submit(stopped);
    await until('it runs', async () => (await statusOf(stopped.id)) === 'running');
    await rig.call('task.stop', { task: stopped.id, force: true });
    process.kill(rig.pid()!, 'SIGTERM');
    await ended;
    const opened = openedFiles(readFileSync(trace, 'utf8'), argv => /rasen(d|-files)\.cjs/.test(argv));
    const jobs = join(rig.home, 'tasks');
    const inAttempts = [...opened].flatMap(path =>
      path.startsWith(`${jobs}/`) ? (JOB_FILE.exec(path)?.[1] ?? []) : [],
    );
    const inProject = [...opened].flatMap(path =>
      path.startsWith(`${project}/.rasen`) ? path.slice(project.length + 1) : [],
    );
    expect(inAttempts.length).toBeGreaterThan(50);
    expect(inProject.length).toBeGreaterThan(10);
    const drafts = (name: string) => name.replace(/\.[0-9a-f-]{36}$/, '');
    const unknown = (names: string[], list: string) =>
      [...new Set(names.map(drafts))].filter(name => !namesIn(list).includes(name));
    expect(unknown(inAttempts, 'attempt-files.txt')).toEqual([]);
    expect(unknown(inProject, 'project-files.txt')).toEqual([]);
  },
);
