/** Which of the machine's folders the rules of a sandbox name. */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { rulesFor, type Wanted } from '../../../src/sandbox/look.ts';

let folder = '';
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const wanted = (project: string): Wanted => ({
  env: { HOME: join(folder, 'home'), PATH: '/usr/bin' },
  workspace: { path: join(project, 'work'), access: 'write' },
  closed: [],
  needed: [],
  hidden: [project],
  agent: { own: [], others: [], known: false },
  command: [],
  write: [],
  read: [],
  project,
  tmp: join(folder, 'own'),
  own_tmp: true,
  door: null,
});

test.skipIf(realpathSync(tmpdir()) !== '/tmp')(
  'of the folder of temporary files only what is beside the project is seen, where that lies there; no home is made',
  async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'rasen-look-')));
    for (const name of ['p/work', 'beside', 'own']) mkdirSync(join(folder, name), { recursive: true });
    const rules = await rulesFor(wanted(join(folder, 'p')));
    const below = rules.filter(rule => rule.path.startsWith('/tmp'));
    expect(below.map(({ access, path }) => `${access} ${path}`)).toEqual([
      'write /tmp',
      `read ${folder}`,
      `hidden ${folder}/p`,
      `write ${folder}/p/work`,
    ]);
    expect(existsSync(join(folder, 'home'))).toBe(false);
    expect(below[0]!.from).toBe(join(folder, 'own'));
  },
);
