/** Whatever happens to the supervisor, its tasks do not notice: killed, restarted, hung, upgraded, away. */
import { describe, expect } from 'vitest';
import { until } from './host.ts';
import { PROBES } from './product.ts';
import { Rasen } from './rasen.ts';
import { boot, bootTest, newMachine } from './rig.ts';

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)('killed, restarted, hung: each time another supervisor, the same attempt', async () => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      await alice.machine.put(
        '/home/alice/.config/systemd/user/rasend.service.d/watchdog.conf',
        '[Service]\nWatchdogSec=2\n',
        {
          user: 'alice',
        },
      );
      await alice.systemctl('daemon-reload');
      await alice.systemctl('restart', 'rasend.service');
      await alice.works('long');
      const [unit] = (await alice.units()) as [string];
      expect(unit).toMatch(/^rasen-[0-9a-z]+-.*\.service$/);

      let pid = await alice.pid();
      await alice.ok(['kill', '-KILL', String(pid)]);
      pid = await alice.another(pid);
      await alice.systemctl('restart', 'rasend.service');
      pid = await alice.another(pid);
      await alice.ok(['kill', '-STOP', String(pid)]);
      pid = await alice.another(pid);
      expect(
        await alice.machine.journal(['_SYSTEMD_USER_UNIT=rasend.service', '+', 'USER_UNIT=rasend.service']),
      ).toMatch(/Watchdog timeout/);

      expect((await alice.view('long')).status).toBe('running');
      expect((await alice.systemctl('is-active', unit)).trim()).toBe('active');
      alice.end('long', 0);
      expect((await alice.over('long')).status).toBe('completed');
      expect([alice.count('long', 'start'), alice.count('long', 'term'), alice.count('long', 'end')]).toEqual(
        [1, 0, 1],
      );
    });

    bootTest(system)(
      'a task that ends while the supervisor is away: its exit status is kept, it is not run again',
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        await alice.install();
        await Promise.all(['three', 'killed'].map(name => alice.works(name)));
        await alice.systemctl('stop', 'rasend.socket', 'rasend.service');
        alice.end('three', 3);
        await alice.signs('three', 'end', 1);
        const { pid } = await alice.firstStart('killed');
        await alice.ok(['kill', '-KILL', String(pid)]);
        await until('no attempt is left', async () => (await alice.units()).length === 0);
        expect(await alice.units({ ended: true }), 'the manager keeps how they ended').toHaveLength(2);
        await alice.systemctl('start', 'rasend.socket', 'rasend.service');
        const three = await alice.over('three');
        expect(three.status).toBe('failed');
        expect(three.subtasks[0]!.history.map(attempt => attempt.code)).toEqual([3]);
        const killed = await alice.over('killed');
        expect(killed.subtasks[0]!.history).toHaveLength(1);
        expect(killed.subtasks[0]!.history[0]!.code).toBe(137);
        expect([alice.count('three', 'start'), alice.count('killed', 'start')]).toEqual([1, 1]);
        expect(await alice.units({ ended: true }), 'and lets go of what a supervisor has heard').toEqual([]);
      },
    );

    bootTest(system)(
      'a tree of processes that left session, parent and environment ends as a whole',
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        await alice.install();
        await alice.works('tree', 'tree.sh');
        const escaped = async () => (await alice.run(['pgrep', '-f', 'sleep 98765'])).stdout.trim();
        expect(await until('the child has left', escaped)).toMatch(/^\d+$/);
        await alice.rasen('cancel', 'tree');
        expect(await escaped()).toBe('');
        await until('its unit has ended', async () => (await alice.units()).length === 0);
        // Also when nobody asked for it: the runner is gone, so all of the attempt is.
        await alice.works('tree2', 'tree.sh');
        await until('the child has left', escaped);
        const [unit] = (await alice.units()) as [string];
        await alice.systemctl('kill', '--signal=KILL', '--kill-who=main', unit);
        await until('the child is gone', async () => (await escaped()) === '');
      },
    );

    bootTest(system)('PID 1 and the user manager replace themselves: nobody notices', async () => {
      const { machine } = new Rasen(await newMachine({ system }));
      const alice = new Rasen(machine);
      await alice.install();
      await alice.works('long');
      const pid = await alice.pid();
      await machine.ok(['systemctl', 'daemon-reexec']);
      await alice.systemctl('daemon-reexec');
      await alice.rasen('list');
      expect(await alice.pid()).toBe(pid);
      await alice.works('after');
      for (const name of ['long', 'after']) {
        alice.end(name, 0);
        expect((await alice.over(name)).status).toBe('completed');
        expect(alice.count(name, 'start')).toBe(1);
      }
    });

    bootTest(system)(
      'its folder is away, as npm has it for a moment: ends are recorded, nothing runs twice',
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        await alice.install();
        const names = ['before', 'three', 'killed', 'long'];
        for (const name of names) await alice.works(name);
        const units = await alice.units();
        const place = '/usr/local/lib/node_modules';
        await alice.machine.ok(['mv', `${place}/rasen`, `${place}/.rasen-old`]);
        // One ends under a supervisor whose folder is gone, the others under none, which cannot come back.
        alice.end('before', 0);
        await until('the first is over', async () => (await alice.units()).length === units.length - 1);
        await alice.ok(['kill', '-KILL', String(await alice.pid())]);
        alice.end('three', 3);
        await alice.signs('three', 'end', 1);
        const { pid } = await alice.firstStart('killed');
        await alice.ok(['kill', '-KILL', String(pid)]);
        await until('one is left', async () => (await alice.units()).length === 1);
        const recorded = await alice.ok('cat .local/state/rasen/tasks/*/attempts/*/*/exit');
        const codes = [...recorded.matchAll(/"code":(\d+),.*"by":"unit"/g)].map(([, code]) => Number(code));
        expect(codes.sort((a, b) => a - b)).toEqual([0, 3, 137]);

        await alice.machine.ok(['mv', `${place}/.rasen-old`, `${place}/rasen`]);
        await alice.systemctl('reset-failed', 'rasend.service', 'rasend.socket');
        await alice.systemctl('start', 'rasend.socket', 'rasend.service');
        alice.end('long', 0);
        const ends = await Promise.all(names.map(name => alice.over(name)));
        expect(ends.map(({ status }) => status)).toEqual(['completed', 'failed', 'failed', 'completed']);
        expect(ends.map(({ subtasks }) => subtasks[0]!.history.map(({ code }) => code))).toEqual([
          [0],
          [3],
          [137],
          [0],
        ]);
        for (const name of names) expect(alice.count(name, 'start'), name).toBe(1);
        expect(await alice.units({ ended: true })).toEqual([]);
      },
    );

    bootTest(system)('upgraded with tasks running: none of them is started again', async () => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      await Promise.all(['one', 'two', 'three'].map(name => alice.works(name)));
      const status = async () => JSON.parse(await alice.rasen('service', 'status', '--json'));
      const before = await alice.pid();
      await alice.machine.ok(`${PROBES}/upgrade.sh`);
      await alice.install();
      expect(await alice.pid()).not.toBe(before);
      expect(await alice.rasen('--version')).toContain(boot.next_version);
      expect(await status()).toMatchObject({ running: true, version: boot.next_version });
      for (const name of ['one', 'two', 'three']) {
        alice.end(name, 0);
        expect((await alice.over(name)).status).toBe('completed');
        expect(alice.count(name, 'start')).toBe(1);
      }
    });
  });
