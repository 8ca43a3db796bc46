/** `rasen service` and what other commands say of it, where no service manager is: the bundles as they are shipped. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Instance } from '../support/instance.ts';

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close());

describe.skipIf(process.platform !== 'linux' || existsSync('/run/systemd/system'))(
  'where systemd does not run',
  () => {
    it.each(['install', 'uninstall', 'start', 'stop', 'restart', 'status'])(
      '%s says so, tells what to do instead, and changes nothing',
      verb => {
        const { status, stdout, stderr } = rig.rasen(['service', verb]);
        expect([status, stdout]).toEqual([4, '']);
        expect(stderr).toContain('There is no service manager here');
        expect(stderr).toMatch(/@reboot \/.*\/bin\/rasend$/m);
        expect(readdirSync(rig.folder)).toEqual([]);
      },
    );

    it('the error is JSON where that is asked for', () => {
      const { status, stdout } = rig.rasen(['service', 'install', '--dry-run', '--json']);
      expect(status).toBe(4);
      expect(JSON.parse(stdout).error).toMatchObject({ kind: 'service' });
    });

    it('doctor does not mind, and a run starts a supervisor of its own', async () => {
      const { stdout } = rig.rasen(['doctor', '--json']);
      const { findings } = JSON.parse(stdout) as { findings: { check: string; level: string }[] };
      expect(findings.filter(f => f.check === 'service').map(f => f.level)).toEqual(['ok']);
      const { status, stderr } = rig.rasen(['run', '--', 'true']);
      expect(status).toBe(0);
      expect(stderr).toContain('no supervisor answers; starting one');
      expect(existsSync(join(rig.home, 'run/rasend.sock'))).toBe(true);
    });
  },
);

it('words that mean nothing are refused before anything is looked at', () => {
  expect(rig.rasen(['service', 'destroy']).status).toBe(2);
  expect(rig.rasen(['service', 'install', '--sistem', 'x']).status).toBe(2);
  const { status, stderr } = rig.rasen(['service', 'install', '--system', '../etc'], {
    env: { RASEN_HOME: '' },
  });
  expect(status).toBe(2);
  expect(stderr).toMatch(/cannot be the name of a user|for root/);
});
