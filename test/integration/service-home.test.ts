/** Users without an entry in the user database, without HOME, or with a state folder that they may not write to. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RASEN } from '../support/instance.ts';
import { until } from '../support/runner-rig.ts';

/** Nobody's. */
const UID = 54_321;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-home-'));
  chownSync(folder, UID, UID);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function rasen(env: Record<string, string>, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(RASEN, args, {
    ...{ uid: UID, gid: UID, cwd: folder, encoding: 'utf8' },
    env: { PATH: process.env.PATH, RASEN_CAGE: 'group', RASEN_SANDBOX: 'off', ...env },
  });
  return { status, stdout, stderr };
}

describe.skipIf(process.platform !== 'linux' || process.getuid!() !== 0)('needs root', () => {
  test('a user that the database does not know runs commands, and the doctor finds nothing wrong', async () => {
    const env = { RASEN_HOME: join(folder, 'h') };
    try {
      const ran = rasen(env, 'run', '--', 'sh', '-c', 'echo "$HOME $USER"');
      expect(ran).toMatchObject({ status: 0, stdout: `/ ${UID}\n` });
      expect(rasen({ ...env, HOME: folder }, 'run', '--', 'sh', '-c', 'echo "$HOME"').stdout).toBe(
        `${folder}\n`,
      );
      expect(rasen(env, 'list')).toMatchObject({ status: 0, stderr: '' });
      const doctor = rasen(env, 'doctor');
      expect([doctor.status, doctor.stdout]).toEqual([0, expect.stringMatching(/ok +service/)]);
    } finally {
      await endSupervisor(env.RASEN_HOME);
    }
  });

  test('neither HOME nor an entry: it says what to set', () => {
    for (const args of [['list'], ['doctor'], ['run', '--', 'true']])
      expect(rasen({}, ...args)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(
          /HOME is not set, and the user database has no entry[\s\S]*RASEN_HOME=/,
        ),
      });
  });

  test('a state that cannot be written is named by whoever needs it, and by the doctor', () => {
    chmodSync(folder, 0o500);
    const env = { HOME: folder };
    expect(rasen(env, 'list')).toMatchObject({ status: 0 });
    expect(rasen(env, 'run', '--', 'true')).toMatchObject({
      status: 5,
      stderr: expect.stringMatching(/Cannot make the folder .*permission is denied/),
    });
    expect(rasen(env, 'doctor')).toMatchObject({
      status: 5,
      stdout: expect.stringMatching(/error +disk: the state in .* cannot be written/),
    });
  });

  test.each(['.', 'tasks'])('nor is it a bug where %s of it became so since', async name => {
    const env = { RASEN_HOME: join(folder, 'h') };
    mkdirSync(join(env.RASEN_HOME, 'tasks'), { recursive: true });
    for (const path of [env.RASEN_HOME, join(env.RASEN_HOME, 'tasks')]) {
      chmodSync(path, 0o700);
      chownSync(path, UID, UID);
    }
    chmodSync(join(env.RASEN_HOME, name), 0o500);
    try {
      const ran = rasen(env, 'run', '--', 'true');
      expect([4, 5, 75]).toContain(ran.status);
      expect(ran.stderr).toMatch(/permission|EACCES/i);
      expect(ran.stderr).not.toMatch(/internal error|bug/i);
    } finally {
      chmodSync(join(env.RASEN_HOME, name), 0o700);
      await endSupervisor(env.RASEN_HOME);
    }
  });
});

async function endSupervisor(home: string): Promise<void> {
  const file = join(home, 'run/rasend.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8'));
  process.kill(pid, 'SIGTERM');
  await until('the supervisor has ended', () => !existsSync(`/proc/${pid}`));
}
