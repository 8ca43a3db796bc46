/** Secrets by reference are there after a power cut, with nobody logged in, and nowhere but in the task's programs. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { readText } from './host.ts';
import { PROBES } from './product.ts';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine } from './rig.ts';

for (const [system, fs] of [
  ['host', 'xfs'],
  ['small', 'ext4'],
] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)('file: and cred:, after a power cut as before', async () => {
      const { machine } = new Rasen(await newMachine({ system, fs }));
      const alice = new Rasen(machine);
      const [token, deploy] = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')];
      const own = { user: 'alice', mode: '0600' } as const;
      await machine.put('/home/alice/.token', `${token}\n`, own);
      await machine.put('/home/alice/.deploy', deploy, own);
      await machine.put(
        '/home/alice/.config/systemd/user/rasend.service.d/credential.conf',
        '[Service]\nLoadCredential=deploy:%h/.deploy\n',
        { user: 'alice' },
      );
      const plan = {
        secrets: { TOKEN: 'file:~/.token', DEPLOY: 'cred:deploy' },
        subtasks: [{ id: 'it', run: [`${PROBES}/secret.sh`, 'long'] }],
      };
      await machine.put('/home/alice/plan.yml', JSON.stringify(plan), { user: 'alice' });
      await alice.ok('sync');
      await alice.install();
      await alice.rasen('run', '--background', '--name', 'long', '-f', 'plan.yml');
      await alice.signs('long', 'start', 1);
      await machine.powercut();
      await machine.boot();
      await alice.signs('long', 'start', 2);
      expect(readText(join(machine.outside, 'given-long'))).toBe(`${token} ${deploy}\n`.repeat(2));
      expect(await machine.ok('who')).toBe('');

      // Not looked at: systemd's own place for the credential of a unit, and this computer's folder of the test run.
      const search = `grep -rlaF --exclude-dir=credentials --exclude-dir='rasen-boot-*' -e "$1" -e "$2" \\
        "$HOME/.local/state" "$HOME/.config" /run/user/$(id -u) /tmp /var/tmp 2>/dev/null; true`;
      expect(await alice.ok(['sh', '-c', search, 'sh', token, deploy]), 'no file has them').toBe('');
      const told = await machine.ok(
        `journalctl -q --no-pager -a; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true`,
      );
      const units = await alice.systemctl('show', '--all', 'rasend.service', 'rasen-*.service');
      for (const secret of [token, deploy])
        expect(told.includes(secret) || units.includes(secret), 'journal, argv, units').toBe(false);
      alice.end('long', 0);
      expect((await alice.over('long')).status).toBe('completed');
    });
  });
