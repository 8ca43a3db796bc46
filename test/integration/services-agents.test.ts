/** `services` of rasen.yml: up beside agents and gates, in the worktree, gone with the task. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { marked, until } from '../support/instance.ts';
import { SeedProject, WORKS } from '../support/scripted-agent.ts';

const SERVER = join(import.meta.dirname, '../support/server.mjs');

let p: SeedProject;
afterEach(() => p.close());

const at = (name: string) => join(p.instance.folder, name);
const text = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '');
const starts = () => text('starts').split('\n').filter(Boolean).length;

/** A project with a server that the gate asks, and an agent that waits for `go` and writes down its environment. */
async function project(...flags: string[]): Promise<void> {
  await projectWith('curl -sf "$RASEN_URL_WEB" && pwd', ...flags);
}

async function projectWith(gate: string, ...flags: string[]): Promise<void> {
  p = new SeedProject({
    script: { '*': [[{ dump: '{project}/../env.json' }, { await: '{project}/../go' }, ...WORKS]] },
    config: command => ({
      agent: { backend: 'command', command },
      services: {
        web: {
          keep: [process.execPath, SERVER, 'web', '--in', '{folder}', ...flags],
          ready: { http: 'http://127.0.0.1:${PORT}/', timeout: 2 },
          ...{ port: 'auto', max_restarts: 0 },
        },
      },
      gates: [{ name: 'asks', run: ['sh', '-c', gate] }],
    }),
  });
  const path = join(p.root, 'rasen.yml');
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll('{folder}', p.instance.folder));
}

test('of a merge ends with its gates when the supervisor is killed and the next one may not merge any more', async () => {
  await projectWith('test ! -e {folder}/hold || { touch {folder}/held; sleep 600; }');
  await p.init([{ id: 'token' }]);
  writeFileSync(at('go'), '');
  await p.ok('run', '--background');
  await p.seen('it is over', v => v.status === 'completed');
  writeFileSync(at('hold'), '');
  const merging = p.rasen('merge');
  await until('the gate runs', () => existsSync(at('held')));
  expect(starts()).toBe(2);
  p.write({ 'token.txt': 'by somebody else\n' });
  p.git('add', 'token.txt');
  p.git('commit', '-qm', 'in the way');
  await p.crash();
  await p.instance.start();
  await p.logged(/nothing was moved/);
  await merging;
  expect(marked(p.instance.home).map(({ command }) => command)).toEqual([]);
});

test('up for the baseline, the agent and the gates, with their URL, through a kill of the supervisor; gone at the end', async () => {
  await project();
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  await until('the agent works', () => existsSync(at('env.json')));
  const env = JSON.parse(text('env.json'));
  expect(env.RASEN_URL_WEB).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const [pid] = (await (await fetch(env.RASEN_URL_WEB)).text()).match(/\d+/)!;
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain(`PORT=${new URL(env.RASEN_URL_WEB).port}`);
  await p.crash();
  await p.instance.start();
  const up = await p.seen('it is adopted', v => v.subtasks.find(s => s.kind === 'service')?.service?.ready);
  expect(up.subtasks.find(s => s.kind === 'service')).toMatchObject({
    id: '_service-web',
    service: { restarts: 0 },
  });
  writeFileSync(at('go'), '');
  const done = await p.seen('it is over', v => v.status === 'completed');
  expect([done.verified, starts()]).toEqual([true, 1]);
  expect(marked(p.instance.home)).toEqual([]);
  // The gates of a merge find one of their own.
  await p.ok('merge');
  expect(starts()).toBe(2);
  expect(marked(p.instance.home)).toEqual([]);
});

test('that does not get ready blocks the task before any session, and it goes on when that is mended', async () => {
  await project('--waits');
  await p.init([{ id: 'token' }]);
  await p.ok('run', '--background');
  const blocked = await p.seen('it is blocked', v => v.status === 'blocked');
  expect(blocked.reason).toMatch(/^web failed: .*not ready within 2 s: http:\S+ does not answer/);
  expect([blocked.why, existsSync(at('env.json'))]).toEqual(['config', false]);
  expect(marked(p.instance.home)).toEqual([]);
  writeFileSync(at('go-web'), '');
  writeFileSync(at('go'), '');
  await p.ok('resume', '--background');
  await p.seen('it is over', v => v.status === 'completed');
  expect(marked(p.instance.home)).toEqual([]);
});
