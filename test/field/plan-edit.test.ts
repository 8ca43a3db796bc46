/** Whatever becomes of an edited plan, what somebody wrote is not lost. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();

/** An editor: a script that finds the file as its last argument, with an argument of its own before it. */
function editor(p: SeedProject, body: string): Record<string, string> {
  const path = join(p.instance.folder, 'the editor');
  writeFileSync(path, `#!/bin/sh\necho "$1" > '${p.instance.folder}/opened'\nshift\n${body}\n`);
  chmodSync(path, 0o755);
  return { EDITOR: `'${path}' --wait` };
}
const opened = (p: SeedProject) => existsSync(join(p.instance.folder, 'opened'));
const edits = (p: SeedProject) =>
  readdirSync(join(p.root, '.rasen')).filter(name => name.startsWith('plan-edit-'));
const keptIn = (text: string) => /kept in (\S+)/.exec(text)![1]!;
const edit = (p: SeedProject, env: Record<string, string>) =>
  p.instance.rasen(['plan', 'edit'], { cwd: p.root, env });

test('the editor is not opened for a task that runs', async () => {
  const p = project({ script: { '*': [[{ hang: {} }]] } });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await until('it works', () => p.sessions().length === 1);
  const refused = edit(p, editor(p, 'exit 0'));
  expect([refused.status, opened(p), edits(p)]).toEqual([5, false, []]);
  expect(refused.stderr).toMatch(/rasen stop (\w{26}) && rasen plan edit --task \1 && rasen resume \1/);
  await p.ok('cancel', '--force');
  const over = edit(p, editor(p, 'exit 0'));
  expect([over.status, opened(p)]).toEqual([5, false]);
});

test('an edit is kept and named that is wrong, or whose editor fails; a supervisor that is gone is started', async () => {
  const p = project({
    script: { a: [[{ claim: { status: 'auth', summary: 'not logged in' } }]], '*': [WORKS] },
  });
  await p.init([{ id: 'a' }]);
  const wrong = edit(p, editor(p, 'echo "  - {id: b, needs: [nobody], agent: coder}" >> "$1"'));
  expect(wrong.status).toBe(2);
  expect(readFileSync(keptIn(wrong.stderr), 'utf8')).toContain('needs: [nobody]');

  const failed = edit(p, editor(p, 'echo "# half of it" >> "$1"; exit 3'));
  expect(failed.stderr).toContain('ended with status 3');
  expect(readFileSync(keptIn(failed.stderr), 'utf8')).toContain('# half of it');

  expect((await p.rasen('run')).status).toBe(3);
  const line = 'subtasks: [{id: a, title: Another title}]';
  const away = edit(
    p,
    editor(p, `kill -9 $(cat '${p.instance.home}/run/rasend.pid'); echo '${line}' > "$1"`),
  );
  expect([away.status, away.stdout], 'another one is started').toEqual([
    0,
    expect.stringContaining('is now revision 2'),
  ]);
  expect((await p.rasen('plan', 'show')).stdout).toContain('Another title');
});

test('what was not changed, or was taken, leaves no file', async () => {
  const p = project();
  await p.init([{ id: 'a' }]);
  expect(edit(p, editor(p, ':')).stderr).toContain('the plan was not changed');
  expect(edit(p, editor(p, 'exit 1')).status).not.toBe(0);
  const missing = edit(p, { EDITOR: 'no-such-editor' });
  expect(missing.stderr).toContain('is not on PATH');
  const taken = edit(p, editor(p, `echo 'subtasks: [{id: b, title: Other}]' > "$1"`));
  expect([taken.status, edits(p)]).toEqual([0, []]);
});
