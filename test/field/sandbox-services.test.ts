/** Services in a sandbox, with a real one of the system: what looks at them is in it too. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { marked } from '../support/instance.ts';
import { SeedProject } from '../support/scripted-agent.ts';

const WORKS = spawnSync('bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true']).status === 0;
const sandboxed = describe.skipIf(!WORKS);
if (!WORKS) console.log('SKIPPED: bwrap is not installed, or may make no namespaces here');

let p: SeedProject;
afterEach(() => p?.close());

const SERVE = 'require("http").createServer((_, r) => r.end("here")).listen(process.env.PORT, "127.0.0.1")';

function project(
  sandbox: Record<string, unknown>,
  service: Record<string, unknown>,
  gate: string,
  agent?: () => string[],
): void {
  p = new SeedProject({
    config: command => ({
      agent: agent?.() ?? command,
      sandbox,
      services: { web: { keep: ['node', '-e', SERVE], port: 'auto', max_restarts: 0, ...service } },
      gates: [['sh', '-c', gate]],
    }),
    env: { RASEN_SANDBOX: 'on' },
  });
}

const over = () => p.seen('it is over', v => ['completed', 'blocked', 'failed'].includes(v.status));

sandboxed('a service in a sandbox', () => {
  test('is looked at by commands that reach no more than it does, beside the work and for the merge', async () => {
    const key = '"$HOME/.ssh/id_ed25519"';
    const probe = `! grep -q secret ${key} && [ -n "$RASEN_SANDBOXED" ] && curl -sf $RASEN_URL_WEB`;
    project(
      { mode: 'off', commands: 'require' },
      { ready: { command: ['sh', '-c', probe], timeout: 5 }, health: { every: 0.1 } },
      'curl -sf "$RASEN_URL_WEB"',
    );
    mkdirSync(dirname(p.beside('.ssh/id_ed25519')));
    writeFileSync(p.beside('.ssh/id_ed25519'), 'a secret\n');
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    const view = await over();
    expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
    await p.ok('merge');
    expect(marked(p.instance.home)).toEqual([]);
    expect(existsSync(p.beside('.ssh/id_ed25519'))).toBe(true);
  });

  test('outside of it, is reached from one with a list of hosts: by the session, the gates, and those of the merge', async () => {
    project({ mode: 'on', gates: 'on', network: ['example.org'] }, {}, 'curl -sf "$RASEN_URL_WEB"', () => [
      'sh',
      '-c',
      `${'curl -sf "$RASEN_URL_WEB" >got.txt; git add -A; git commit -qm work'}
echo '{"status":"done","summary":"done"}' >"$RASEN_RESULT_FILE"`,
    ]);
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    const view = await over();
    expect([view.status, view.reason ?? null]).toEqual(['completed', null]);
    expect(p.git('show', `${view.commit}:got.txt`)).toBe('here');
    await p.ok('merge');
    expect(marked(p.instance.home)).toEqual([]);
  });

  test('with a network of its own is refused where it has a port, before any session', async () => {
    project({ mode: 'off', commands: 'require', network: 'none' }, {}, 'true');
    await p.init([{ id: 'a' }]);
    await p.ok('run', '--background');
    const view = await over();
    expect([view.status, view.why]).toEqual(['blocked', 'config']);
    expect(view.reason).toContain('the port of web would be in a sandbox with a network of its own');
    expect([p.begun(), marked(p.instance.home)]).toEqual([0, []]);
  });
});
