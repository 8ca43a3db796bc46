/** A repository of another user: what git wants before it works there is said before anything starts. */
import { chownSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projects } from '../support/projects.ts';

const project = projects();
const NOBODY = 65_534;

test.skipIf(process.getuid?.() !== 0)(
  'the advice names the repository, works as it stands, and is all that is needed',
  async () => {
    const p = project();
    const config = join(p.instance.folder, 'gitconfig');
    writeFileSync(config, '');
    p.instance.env.GIT_CONFIG_GLOBAL = config;
    await p.init([{ id: 'a' }]);
    for (const name of ['', ...readdirSync(p.root, { recursive: true, encoding: 'utf8' })])
      chownSync(join(p.root, name), NOBODY, NOBODY);
    const refused = await p.rasen('run', '--background');
    expect([refused.status, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toContain('belongs to another user');
    expect(refused.stderr).not.toContain('git init');
    const advice = refused.stderr.split('If you trust it: git ')[1]!.split('\n')[0]!;
    expect(advice).toBe(`config --global --add safe.directory ${p.root}`);
    p.git('config', '--file', config, '--add', 'safe.directory', p.root);
    expect((await p.rasen('run', '--background')).stdout).toContain('Daemon started');
    await p.rasen('cancel', '--force');
  },
);
