/** What holds an attempt as a whole: its limits, and the end of everything in it, however it resists. */
import { describe, expect } from 'vitest';
import { until } from './host.ts';
import { PROBES } from './product.ts';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine, versionOf } from './rig.ts';
import { idOf } from './users.ts';

/** Controllers that the manager of alice can use; a computer that has them in use elsewhere has none for machines. */
async function controllers({ machine, user }: Rasen): Promise<string[]> {
  const slice = `user.slice/user-${idOf(user)}.slice/user@${idOf(user)}.service`;
  return (await machine.ok(['cat', `/sys/fs/cgroup/${slice}/cgroup.controllers`])).trim().split(' ');
}

/** One command with limits, as a task of this name. */
async function submit(
  alice: Rasen,
  name: string,
  run: string[],
  limits: Record<string, unknown>,
): Promise<void> {
  await alice.machine.put(
    `/home/alice/${name}.yml`,
    JSON.stringify({ limits: { attempts: 1 }, subtasks: [{ id: 'it', run, limits }] }),
    {
      user: 'alice',
    },
  );
  await alice.rasen('run', '--background', '--name', name, '-f', `${name}.yml`);
}

const running = async (alice: Rasen, what: string) =>
  (await alice.run(['pgrep', '-u', alice.user, '-f', what])).stdout.trim().split('\n').filter(Boolean).length;

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)('runtime: the manager ends the attempt, also while there is no supervisor', async () => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      await submit(alice, 'slow', [`${PROBES}/work.sh`, 'slow'], { runtime: '5s' });
      await alice.signs('slow', 'start', 1);
      await alice.systemctl('stop', 'rasend.socket', 'rasend.service');
      await alice.signs('slow', 'term', 1);
      await until('the attempt is over', async () => (await alice.units()).length === 0);
      expect((await alice.run(['pgrep', '-u', 'alice', '-f', 'rasend'])).stdout).toBe('');
      await alice.systemctl('start', 'rasend.socket', 'rasend.service');
      const { status, subtasks } = await alice.over('slow');
      expect(status).not.toBe('completed');
      expect(subtasks[0]!.history.map(({ outcome }) => outcome)).toEqual(['timeout']);
      expect(alice.count('slow', 'start')).toBe(1);
    });

    bootTest(system)(
      'memory: an attempt that takes more is ended, the supervisor is not',
      async ({ skip }) => {
        const alice = new Rasen(await newMachine({ system }));
        await alice.install();
        const has = await controllers(alice);
        if (!has.includes('memory'))
          return skip(`the kernel gives machines no memory controller here (${has})`);
        const pid = await alice.pid();
        await submit(alice, 'hog', ['sh', '-c', 'tail /dev/zero'], { memory: '64mb' });
        const { status, subtasks } = await alice.over('hog');
        expect(status).not.toBe('completed');
        expect(subtasks[0]!.history[0]).toMatchObject({ outcome: 'memory' });
        expect(await alice.pid()).toBe(pid);
      },
    );

    bootTest(system)('tasks: no more processes than that', async ({ skip }) => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      const has = await controllers(alice);
      if (!has.includes('pids')) return skip(`the kernel gives machines no pids controller here (${has})`);
      const many = 'for n in $(seq 100); do sleep 98765 & done; exit 0';
      await submit(alice, 'many', ['sh', '-c', `${many} 2>/dev/null`], { tasks: 20 });
      const { subtasks } = await alice.over('many');
      expect(subtasks[0]!.history[0]!.code).not.toBe(0);
    });

    bootTest(system)('a fork bomb is stopped as a whole', async () => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      await alice.rasen('run', '--background', '--name', 'bomb', '--', `${PROBES}/bomb.sh`);
      await until('it has grown', async () => (await running(alice, 'bomb.sh')) > 50, { every_ms: 100 });
      await alice.rasen('stop', 'bomb', '--force');
      expect(await running(alice, 'bomb.sh')).toBe(0);
      await until('its unit is gone', async () => (await alice.units({ ended: true })).length === 0);
      expect((await alice.view('bomb')).status).toBe('interrupted');
    });

    bootTest(system)(
      'what a command leaves running, deaf to SIGTERM, is swept long before the manager would',
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        await alice.install();
        const start = Date.now();
        await alice.rasen('run', '--name', 'leaves', '--', `${PROBES}/leftover.sh`);
        const took_ms = Date.now() - start;
        console.log(`systemd ${versionOf(system)}: a deaf leftover was swept after ${took_ms} ms`);
        expect(await running(alice, 'leftover.sh')).toBe(0);
        // The manager's own patience (TimeoutStopSec=) is longer, and it says so when it comes to its end.
        const exit = await alice.ok('cat .local/state/rasen/tasks/*/attempts/*/*/exit');
        expect(exit).toMatch(/"service_result":"(?!timeout)/);
        const { status, subtasks } = await alice.view('leaves');
        expect(status).toBe('completed');
        expect(subtasks[0]!.history.map(({ code }) => code)).toEqual([0]);
      },
    );
  });
