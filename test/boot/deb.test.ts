/** The Debian package on a real system: installed, used, upgraded while a task runs, removed, purged; then nothing is left. */
import { describe, expect } from 'vitest';
import { until } from './host.ts';
import type { Machine } from './machine.ts';
import { DEBS } from './product.ts';
import { Rasen } from './rasen.ts';
import { boot, bootTest, newMachine } from './rig.ts';
import { idOf } from './users.ts';

/** dpkg's own books apart; and homes, which no package touches. */
async function inventory(machine: Machine): Promise<Set<string>> {
  const found = await machine.ok(
    `find /etc /usr/bin /usr/lib /usr/local /usr/share /var/lib /run/rasen \\( \
    -path /var/lib/dpkg -o -path /var/lib/systemd -o -path '/usr/share/*/__pycache__' \\) -prune -o -printf '%p %y %m %u %l\\n' \
    2>/dev/null | sort`.replace('/run/rasen \\(', '$(ls -d /run/rasen 2>/dev/null) \\('),
  );
  // This computer's own folders, which `host` boots, hold some hundred thousand files.
  return new Set(found.split('\n'));
}

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)('installed, enabled by a user, upgraded, removed, purged', async ({ skip }) => {
      const { debs } = boot;
      if (typeof debs === 'string') return skip(debs);
      const machine = await newMachine({ system, rasen: 'deb' });
      const alice = new Rasen(machine);
      await machine.ok(['loginctl', 'enable-linger', 'alice']);
      await until('the manager of alice', async () => {
        const { stdout } = await alice.run(['systemctl', '--user', 'is-system-running']);
        return /running|degraded/.test(stdout);
      });
      // An image that this computer may be made of forbids services; an administrator of this machine does not.
      await machine.ok('rm -f /usr/sbin/policy-rc.d');
      const before = await inventory(machine);

      await machine.ok(['dpkg', '-i', `${DEBS}/${debs.now}`], { timeout_ms: 300_000 });
      expect(
        (await machine.run(['pgrep', '-f', 'rasend'])).stdout,
        'nothing runs that nobody asked for',
      ).toBe('');
      expect((await alice.run(['systemctl', '--user', 'is-enabled', 'rasend.service'])).stdout).toBe(
        'disabled\n',
      );
      // The manager was there before the unit files.
      await alice.systemctl('daemon-reload');
      await alice.systemctl('enable', '--now', 'rasend.socket', 'rasend.service');
      expect(await alice.rasen('--version')).toContain(boot.version);
      await alice.works('long');
      const pid = await alice.pid();

      await machine.ok(['dpkg', '-i', `${DEBS}/${debs.next}`], { timeout_ms: 300_000 });
      expect(await alice.another(pid)).not.toBe(pid);
      const status = JSON.parse(await alice.rasen('service', 'status', '--json'));
      expect(status).toMatchObject({ running: true, version: boot.next_version });
      expect([alice.count('long', 'start'), alice.count('long', 'term')]).toEqual([1, 0]);
      alice.end('long', 0);
      expect((await alice.over('long')).status).toBe('completed');
      expect(alice.count('long', 'start')).toBe(1);

      await alice.works('last');
      await machine.ok(['dpkg', '--remove', 'rasen'], { timeout_ms: 300_000 });
      expect(alice.count('last', 'term'), 'its task was asked to end').toBe(1);
      await until(
        'no process of it is left',
        async () => (await alice.run(['pgrep', '-u', 'alice', '-f', 'rasen'])).stdout === '',
      );
      await machine.ok(['dpkg', '--purge', 'rasen'], { timeout_ms: 300_000 });
      const after = await inventory(machine);
      expect([...after].filter(line => !before.has(line))).toEqual([]);
      expect([...before].filter(line => !after.has(line))).toEqual([]);
      expect((await machine.run(['dpkg', '--status', 'rasen'])).code).not.toBe(0);
      // What alice enabled is hers to disable.
      await alice.systemctl('disable', 'rasend.service', 'rasend.socket');
      expect(await alice.ok('find .config -name "rasen*"')).toBe('');
      expect(await machine.ok(['systemctl', '--failed', '--no-legend'])).toBe('');
      await machine.ok(['systemctl', 'stop', `user@${idOf('alice')}.service`]);
    });
  });
