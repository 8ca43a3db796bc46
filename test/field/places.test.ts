/** Folders that are gone, that nobody can write or that are full: an answer in words, and never a bug of rasen. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { Instance } from '../support/instance.ts';
import { ShellUser } from '../support/shell-user.ts';
import { canMount, SmallDisk } from '../support/small-disk.ts';

let rasen: Instance;
let user: ShellUser;

beforeAll(async () => {
  rasen = new Instance();
  user = new ShellUser(rasen);
  await rasen.start();
});
afterAll(() => rasen.close());

const words = (said: string) => {
  expect(said).not.toMatch(/internal error|bug of rasen|\n\s+at /);
  return said;
};

/** Nothing of them is carried out there, so no arguments are needed but for those that could be. */
const commands = COMMANDS.map(({ name }) => name).filter(name => !/^(completion|service|doctor)/.test(name));

describe('a folder that was removed', () => {
  const gone = (script: string) => user.types(`mkdir -p gone; cd gone; rmdir ../gone; ${script}`);

  it('is named by every command that needs one; the others answer', () => {
    const script = commands
      .map(name => `echo "== ${name}"; rasen ${name} x </dev/null 2>&1 || true`)
      .join('; ');
    const { stdout } = gone(script);
    words(stdout);
    expect(stdout).toContain('The folder of this shell was removed');
  });

  it('keeps nobody from looking at tasks', () => {
    const { status, stdout } = gone('rasen list --json');
    expect([status, stdout]).toEqual([0, '[]\n']);
  });

  it('runs no command', () => {
    const { status, stderr } = gone('rasen run -- true');
    expect(status).toBe(2);
    expect(stderr).toContain('The folder of this shell was removed. Nothing was done.');
  });
});

describe('the folder of the state', () => {
  it.each([
    ['relative', 'state'],
    ['of a home that was not expanded', '~/state'],
  ])('is not %s: each folder would have another one', (_what, RASEN_HOME) => {
    const { status, stderr } = user.types('rasen run -- true', { RASEN_HOME });
    expect(status).toBe(2);
    expect(stderr).toContain(`RASEN_HOME is "${RASEN_HOME}", which is not an absolute path`);
    expect(stderr).toContain('export RASEN_HOME="$HOME/state"');
  });

  it('is not taken from relative XDG folders, which count for nothing', async () => {
    const other = new Instance({ RASEN_HOME: '', XDG_STATE_HOME: 'state', XDG_RUNTIME_DIR: 'run' });
    const shell = new ShellUser(other);
    try {
      const script =
        'rasen run -- true; mkdir -p deeper; cd deeper; rasen list | wc -l; kill $(cat $HOME/.local/state/rasen/run/rasend.pid || cat /run/user/$(id -u)/rasen/rasend.pid)';
      const { stdout, stderr } = shell.types(script);
      expect(stdout.trim(), stderr).toBe('2');
    } finally {
      await other.close();
    }
  });

  it.each(['/proc/nothing', '/etc/passwd', '/etc/passwd/below'])('that cannot be %s is named', RASEN_HOME => {
    const { status, stderr } = user.types('rasen run -- true', { RASEN_HOME });
    expect([4, 5]).toContain(status);
    expect(words(stderr)).toContain(RASEN_HOME);
  });

  describe.skipIf(!canMount())('on a disk (skipped where none can be mounted)', () => {
    let disk: SmallDisk;
    beforeAll(() => {
      disk = new SmallDisk(join(rasen.folder, 'disk'), { size: '2m' });
      mkdirSync(join(disk.path, 'h'), { mode: 0o700 });
    });
    afterAll(() => execFileSync('umount', ['-l', disk.path]));

    it('that is full: nothing starts, and it says why', () => {
      disk.fill();
      const { status, stderr } = user.types('rasen run -- true', { RASEN_HOME: join(disk.path, 'h') });
      expect(status).toBe(5);
      expect(words(stderr)).toContain('no space is left');
      disk.free();
    });

    it('that is read-only: likewise, also for a project there', () => {
      mkdirSync(join(disk.path, 'project'));
      writeFileSync(join(disk.path, 'project/plan.yml'), 'subtasks: []\n');
      execFileSync('mount', ['-o', 'remount,ro', disk.path]);
      const { status, stderr } = user.types('rasen run -- true', { RASEN_HOME: join(disk.path, 'new') });
      expect(status).toBe(5);
      expect(words(stderr)).toContain('the file system is read-only');
      const project = user.types(
        `cd ${disk.path}/project; git init -q . 2>&1; rasen init --task x; echo; rasen run -- touch made`,
      );
      expect(words(project.stderr)).toContain('EROFS');
      expect(project.stdout).toContain('Read-only file system');
      expect(project.status).toBe(1);
    });
  });
});
