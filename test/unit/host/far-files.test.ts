/** The helper process for files on other disks: its work, its deadline, and what becomes of a disk that hangs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FarFiles, type FarOptions } from '../../../src/host/far-files.ts';

let root: string;
let far: FarFiles;
const open: FarFiles[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rasen-far-'));
  far = helped();
});
afterEach(() => {
  for (const files of open.splice(0)) files.close();
  rmSync(root, { recursive: true, force: true });
});

function helped(options: FarOptions = {}): FarFiles {
  const files = new FarFiles(options);
  open.push(files);
  return files;
}

/** A helper that answers nothing about a root with this mark in its path, and everything else as the real one does. */
function hangingAt(mark: string, options: FarOptions = {}): FarFiles {
  const program = join(root, 'helper.mjs');
  const real = new URL('../../../src/host/far-helper.ts', import.meta.url).href;
  writeFileSync(
    program,
    `import { existsSync } from 'node:fs';
     process.on('message', ({ args: [{ root }] }) => {
       while (root.includes(${JSON.stringify(mark)}) && !existsSync(root + '/.answers'));
     });
     await import(${JSON.stringify(real)});`,
  );
  return helped({ program: [process.execPath, program], work_ms_max: 300, ...options });
}

it('does what is asked, in order, and says what it came to', async () => {
  const place = { root, path: 'a/b' };
  const texts = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
  const written = await Promise.all(texts.map(text => far.files.append(place, text)));
  expect(written.every(({ ok }) => ok)).toBe(true);
  expect(readFileSync(join(root, 'a/b'), 'utf8')).toBe(texts.join(''));
  expect(await far.files.look(place)).toMatchObject({ ok: true, value: { kind: 'file', names: 1 } });
  const read = await far.files.readFrom(place, 5, 3);
  expect(read.ok && Buffer.from(read.value).toString()).toBe('0\nl');
  expect(await far.files.list({ root, path: 'a' }, 10)).toEqual({ ok: true, value: ['b'] });
  expect(await far.files.list({ root, path: 'a' }, 0)).toMatchObject({ ok: false, fault: 'too_large' });
  const room = { dev: statSync(root).dev, bsize: statfsSync(root).bsize };
  expect(await far.files.room({ root: join(root, 'not/there'), path: '.' })).toMatchObject({ value: room });
  expect(await far.isFolder(root)).toBe(true);
  expect(await far.isFolder(join(root, 'nothing'))).toBe(false);
});

it('leaves a link where it is, and what it leads to as it is', async () => {
  writeFileSync(join(root, 'mine'), 'mine');
  execFileSync('ln', ['-s', 'mine', 'link'], { cwd: root });
  expect(await far.files.append({ root, path: 'link' }, 'more')).toMatchObject({
    ok: false,
    problem: 'is a symbolic link, not a file',
  });
  expect(await far.files.target({ root, path: 'link' })).toEqual({ ok: true, value: 'mine' });
  expect(await far.files.replace({ root, path: 'link' }, 'new')).toMatchObject({ ok: true });
  expect(readFileSync(join(root, 'mine'), 'utf8')).toBe('mine');
});

it('keeps the permissions of a file that it replaces', async () => {
  writeFileSync(join(root, 'shown'), 'old', { mode: 0o604 });
  execFileSync('chmod', ['604', 'shown'], { cwd: root });
  await far.files.replace({ root, path: 'shown' }, 'new');
  expect(execFileSync('ls', ['-l', join(root, 'shown')], { encoding: 'utf8' })).toMatch(/^-rw----r--/);
});

describe('a disk that does not answer', () => {
  const LATE = { ok: false, fault: 'unreadable', problem: 'is on a disk that does not answer' };
  const folder = (name: string) => {
    const path = join(root, name);
    execFileSync('mkdir', [path]);
    return path;
  };

  it('is given up after a while; others wait in line, and then are served by a new helper', async () => {
    const [hangs, fine] = [folder('hangs'), folder('fine')];
    const files = hangingAt('/hangs').files;
    const answers = await Promise.all([
      files.replace({ root: hangs, path: 'x' }, 'x'),
      files.replace({ root: fine, path: 'x' }, 'x'),
      files.replace({ root: hangs, path: 'y' }, 'y'),
    ]);
    expect(answers).toMatchObject([LATE, { ok: true }, LATE]);
  });

  it('is left alone for a while, and asked again then', async () => {
    const hangs = folder('hangs');
    const { files } = hangingAt('/hangs', { rest_ms_min: 1500 });
    expect(await files.look({ root: hangs, path: '.' })).toMatchObject(LATE);
    writeFileSync(join(hangs, '.answers'), '');
    const asked = performance.now();
    expect(await files.look({ root: hangs, path: '.' }), 'it rests').toMatchObject(LATE);
    while (!(await files.look({ root: hangs, path: '.' })).ok) await new Promise(r => setTimeout(r, 20));
    expect(performance.now() - asked).toBeGreaterThan(1000);
  });
});

it('a helper that is killed costs the piece of work at hand, and no more', async () => {
  const { files } = helped({ program: [process.execPath, '-e', 'process.exit(3)'] });
  expect(await files.look({ root, path: '.' })).toMatchObject({ ok: false, fault: 'unreadable' });
  expect(await files.look({ root, path: '.' })).toMatchObject({
    problem: expect.stringContaining('the helper ended'),
  });
});

it('who closes it waits for nothing, and leaves no process', async () => {
  const { files } = far;
  const asked = files.look({ root, path: '.' });
  far.close();
  expect(await asked).toMatchObject({ ok: false });
});
