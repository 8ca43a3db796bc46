/** The machine goes down and comes back, in order or by a power cut, and nobody logs in. */
import { describe, expect } from 'vitest';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine, versionOf } from './rig.ts';

const PAIRS = [
  ['host', 'ext4'],
  ['small', 'xfs'],
] as const;

for (const [system, fs] of PAIRS)
  describe(`systemd of ${system} on ${fs}`, () => {
    bootTest(system)('a clean reboot: the task is asked to end, and goes on without a login', async () => {
      const alice = new Rasen(await newMachine({ system, fs }));
      await alice.install();
      await alice.works('long');
      const booted = await alice.machine.reboot();
      const [, again] = await alice.signs('long', 'start', 2);
      expect(alice.count('long', 'term')).toBe(1);
      expect(await alice.machine.ok('who')).toBe('');
      const resumed_ms = again!.at_ms - booted.at_ms;
      console.log(
        `systemd ${versionOf(system)} on ${fs}: is-system-running after ${booted.took_ms} ms, the task works again after ${resumed_ms} ms`,
      );
      alice.end('long', 0);
      const view = await alice.over('long');
      expect(view.status).toBe('completed');
      expect(alice.count('long', 'start')).toBe(2);
    });

    bootTest(system)('an installation followed at once by a power cut is there', async () => {
      const alice = new Rasen(await newMachine({ system, fs }));
      await alice.install();
      await alice.machine.powercut();
      await alice.machine.boot();
      expect((await alice.systemctl('is-enabled', 'rasend.service', 'rasend.socket')).trim()).toBe(
        'enabled\nenabled',
      );
      await alice.rasen('list');
      expect((await alice.systemctl('is-active', 'rasend.service')).trim()).toBe('active');
      expect(await alice.machine.ok('ls /var/lib/systemd/linger')).toBe('alice\n');
    });

    bootTest(system)(
      'lingering taken away and given back: the task is asked to end, and goes on',
      async () => {
        const alice = new Rasen(await newMachine({ system, fs }));
        await alice.install();
        await alice.works('long');
        await alice.machine.ok(['loginctl', 'disable-linger', 'alice']);
        await alice.signs('long', 'term', 1);
        await alice.machine.ok(['loginctl', 'enable-linger', 'alice']);
        await alice.signs('long', 'start', 2);
        alice.end('long', 0);
        expect((await alice.over('long')).status).toBe('completed');
        expect(alice.count('long', 'start')).toBe(2);
      },
    );
  });
