/**
 * The real agents as clients of `rasen mcp`: each is told of it by `rasen mcp install`, hands a job over in a session of
 * a task, in its sandbox, is killed, and has the result of the job in its next session. Only the model is scripted.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { RealProject, works } from './real-project.ts';
import type { Program } from './setup.ts';
import { NOWHERE, WAYS } from './ways.ts';

/** As each of them names a tool of a server. */
const TOOL: Readonly<Record<Program, { name: string; namespace?: string }>> = {
  claude: { name: 'mcp__rasen__run' },
  codex: { name: 'run', namespace: 'mcp__rasen' },
  gemini: { name: 'mcp_rasen_run' },
  opencode: { name: 'rasen_run' },
};

describe.each(['claude', 'codex', 'gemini', 'opencode'] as const)('%s', program => {
  const installed = inject('agents')[program].newest;
  const command = 'missing' in installed ? [] : installed.command;
  const skip = 'missing' in installed;

  test.skipIf(skip)('hands a job over, is killed, and has the result in its next session', async context => {
    const p = await RealProject.make(WAYS[program], command);
    context.onTestFinished(() => p.close());
    await tell(p, program, command);
    const job = `until [ -e '${p.beside('end')}' ]; do sleep 0.1; done; echo the answer is 42`;
    const input = { command: ['sh', '-c', job], name: 'job', key: 'job' };
    const begins = '[ -e begun.txt ] || { touch begun.txt; until false; do sleep 1; done; }';
    p.model.turns = [
      { say: 'It takes long.', tool: { ...TOOL[program], input } },
      { say: 'I go on.', shell: begins },
      ...works(),
    ];
    await p.start();
    await p.inTool();
    const parent = await p.view();
    const handed = await p.instance.call<TaskView>('task.get', { task: 'job' });
    expect([handed.status, handed.parent]).toEqual(['running', parent.id]);
    expect(p.killAgent(program, parent.id)).toBeGreaterThan(0);
    writeFileSync(p.beside('end'), '');
    const view = await p.ends('completed');
    expect(view.handed_over ?? []).toEqual([]);
    // In the sandbox that agents have where nobody says otherwise.
    expect(p.sandboxes()).toEqual(['bubblewrap', 'bubblewrap']);
    const said = p.model.requests.filter(({ text }) =>
      text.includes('what became of work that was handed over'),
    );
    expect(said.length).toBeGreaterThan(0);
    const { text } = said[0]!;
    const at = text.indexOf('what became of work that was handed over');
    expect(text.slice(at, at + 1000)).toContain('the answer is 42');
    expect(await p.instance.call<TaskView[]>('task.list')).toHaveLength(2);
  });
});

/** Told as a user would do it, by the program itself where it has a command for that. */
async function tell(p: RealProject, program: Program, command: readonly string[]): Promise<void> {
  const bin = p.beside('bin');
  mkdirSync(bin);
  const words = command.map(word => `'${word}'`).join(' ');
  writeFileSync(join(bin, program), `#!/bin/sh\nexec ${words} "$@"\n`);
  chmodSync(join(bin, program), 0o755);
  const off = { HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE, NO_PROXY: '127.0.0.1', DISABLE_AUTOUPDATER: '1' };
  const env = { ...off, PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}` };
  const { status, stdout, stderr } = await p.instance.rasenAsync(['mcp', 'install', program], { env });
  expect([status, stdout], stderr).toEqual([0, expect.stringContaining(`${program} knows of rasen`)]);
  if (program !== 'codex') return;
  // It asks, and in a task nobody answers; the answer of the command says what to do.
  expect(stderr).toContain('default_tools_approval_mode');
  const config = p.beside('.codex/config.toml');
  const table = '[mcp_servers.rasen]\n';
  const text = readFileSync(config, 'utf8');
  expect(text).toContain(table);
  writeFileSync(config, text.replace(table, `${table}default_tools_approval_mode = "approve"\n`));
}
