/** Homes that are not there when the machine has booted: on a disk of their own, or mounted by hand later. */
import { describe, expect } from 'vitest';
import { until } from './host.ts';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine } from './rig.ts';
import { idOf } from './users.ts';

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)('a home that comes late: the service comes with it, and its tasks go on', async () => {
      const machine = await newMachine({ system });
      const [alice, bob] = [new Rasen(machine, 'alice'), new Rasen(machine, 'bob')];
      await machine.ok(['rasen', 'service', 'install', '--system', 'alice']);
      await bob.install();
      await Promise.all([alice.works('hers'), bob.works('his')]);
      // From now on what is in /home is an empty folder to mount on, which belongs to the user.
      const apart = (name: string) =>
        `mv /home/${name} /home/.${name} && install -d -o ${name} -g ${name} -m 700 /home/${name}`;
      const line = (name: string) => `/home/.${name} /home/${name} none bind,noauto 0 0`;
      await machine.ok('systemctl stop rasend@alice.service rasend@alice.socket');
      await machine.ok(`systemctl stop user@${idOf('alice')}.service user@${idOf('bob')}.service`);
      await machine.ok(
        `${apart('alice')} && ${apart('bob')} && echo '${line('alice')}' >>/etc/fstab && sync`,
      );
      await machine.powercut();
      await machine.boot();
      // Nobody mounts it but the service, which needs it.
      await alice.signs('hers', 'start', 2);
      expect(await machine.ok('findmnt --noheadings --output TARGET /home/alice')).toBe('/home/alice\n');

      await machine.ok(`sed -i /alice/d /etc/fstab && sync`);
      await machine.powercut();
      await machine.boot();
      expect((await machine.run('findmnt /home/alice')).code, 'nobody can know of it').not.toBe(0);
      expect(await alice.rasen('list')).not.toContain('hers');
      await machine.ok('mount --bind /home/.alice /home/alice');
      await alice.signs('hers', 'start', 3);
      alice.end('hers', 0);
      await until('it is over', async () => {
        const { stdout } = await alice.run(['rasen', 'status', 'hers', '--json']);
        return stdout.startsWith('{') && JSON.parse(stdout).state?.name === 'completed';
      });

      // The units of his service are in his home: his manager has not seen them.
      expect((await bob.run(['systemctl', '--user', 'is-active', 'rasend.service'])).stdout).not.toBe(
        'active\n',
      );
      await machine.ok('mount --bind /home/.bob /home/bob');
      await bob.rasen('run', '--', 'true');
      expect(await bob.systemctl('is-active', 'rasend.service')).toBe('active\n');
      await bob.signs('his', 'start', 2);
      bob.end('his', 0);
      expect((await bob.over('his')).status).toBe('completed');
    });
  });
