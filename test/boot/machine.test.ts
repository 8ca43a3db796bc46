/** The harness itself: what it claims about machines is true, or no other test of this folder means anything. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { cgroupsNamed, loopsUnder, readText } from './host.ts';
import type { Filesystem } from './machine.ts';
import { PROBES } from './product.ts';
import { boot, bootTest, newMachine, versionOf } from './rig.ts';
import type { System } from './rootfs.ts';

const SYSTEMS: [System, Filesystem][] = [
  ['host', 'ext4'],
  ['host', 'xfs'],
  ['small', 'ext4'],
  ['small', 'xfs'],
];

for (const [system, fs] of SYSTEMS)
  bootTest(system)(
    `a machine with systemd of ${system} on ${fs}: start, clean reboot, power cut`,
    async () => {
      const machine = await newMachine({ system, fs, on: false });
      const first = await machine.boot();
      expect(first.failed).toBe('');
      expect(first.state).toBe('running');
      expect(await machine.ok('findmnt -no FSTYPE /home')).toBe(`${fs}\n`);
      const id = await machine.ok('cat /etc/machine-id /proc/sys/kernel/random/boot_id');

      await machine.put('/home/alice/file', 'of the first boot\n', { user: 'alice' });
      const second = await machine.reboot();
      expect([second.state, second.failed]).toEqual(['running', '']);
      expect(await machine.ok('cat /home/alice/file; stat -c %U /home/alice/file')).toBe(
        'of the first boot\nalice\n',
      );
      expect((await machine.journal(['--list-boots'])).trim().split('\n')).toHaveLength(2);

      await machine.ok(`${PROBES}/writer.sh /home/alice/cut`, { user: 'alice' });
      await machine.ok(`${PROBES}/writer.sh /var/lib/cut`);
      await machine.ok('echo outside >/outside/kept', { user: 'alice' });
      await machine.powercut();
      const third = await machine.boot();
      expect([third.state, third.failed]).toEqual(['running', '']);
      for (const folder of ['/home/alice/cut', '/var/lib/cut']) {
        expect(await machine.ok(`cat ${folder}/kept`), 'what was synced').toBe('synced\n');
        expect((await machine.run(`cat ${folder}/lost`)).stdout, 'what was not').toBe('');
      }
      expect(readFileSync(join(machine.outside, 'kept'), 'utf8')).toBe('outside\n');
      expect((await machine.ok('cat /etc/machine-id /proc/sys/kernel/random/boot_id')).slice(0, 32)).toBe(
        id.slice(0, 32),
      );
      console.log(
        `systemd ${versionOf(system)} on ${fs}: started in ${first.took_ms}, ${second.took_ms}, ${third.took_ms} ms`,
      );
    },
  );

bootTest()('commands: exit status, output, input, users without a session, a limit of time', async () => {
  const machine = await newMachine();
  expect(await machine.run('echo out; echo err >&2; exit 3')).toMatchObject({
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await machine.ok('cat', { input: 'given' })).toBe('given');
  expect(await machine.ok(['printf', '%s|', 'a b', '$HOME', ''])).toBe('a b|$HOME||');
  const variables = async (bare: boolean) =>
    (await machine.ok('env | cut -d= -f1 | sort', { user: 'alice', bare })).trim().split('\n');
  expect(await machine.ok('id -un; pwd; echo $XDG_RUNTIME_DIR', { user: 'alice' })).toBe(
    'alice\n/home/alice\n/run/user/4201\n',
  );
  expect(await variables(true)).not.toContain('XDG_RUNTIME_DIR');
  for (const mine of Object.keys(process.env).filter(name => /^(npm_|VITEST|RASEN_)/.test(name)))
    expect(await variables(false)).not.toContain(mine);
  const start = Date.now();
  await expect(machine.run('setsid sleep 1000 & sleep 1000', { timeout_ms: 300 })).rejects.toThrow(
    /not over after 300 ms/,
  );
  expect(Date.now() - start, 'not the length of the sleep').toBeLessThan(500_000);
  expect((await machine.run('pgrep -x sleep')).stdout, 'what it started is gone too').toBe('');
});

bootTest()('rasen is installed in it, for everybody', async () => {
  const machine = await newMachine();
  expect(await machine.ok('rasen --version', { user: 'alice' })).toContain(boot.version);
  expect(await machine.ok('/opt/rasen-next/bin/rasen --version', { user: 'bob' })).toContain(
    boot.next_version,
  );
});

bootTest()('nothing is left of a machine, whatever it was doing', async () => {
  const idle = await newMachine();
  await idle.poweroff();
  expect(idle.isOn).toBe(false);
  const busy = await newMachine({ fs: 'xfs' });
  busy.start(
    'while :; do echo x >>/home/alice/x; done'.split('\0').flatMap(s => ['sh', '-c', s]),
    { user: 'alice' },
  );
  await Promise.all([idle.destroy(), busy.destroy()]);
  for (const { name } of [idle, busy]) {
    expect(cgroupsNamed(`${boot.cgroup_prefix}${name}`)).toEqual([]);
    expect(loopsUnder(join(boot.run, 'machines', `${name}/`))).toEqual([]);
    expect(readText('/proc/self/mountinfo')).not.toContain(name);
    expect(existsSync(join(boot.run, 'machines', name))).toBe(false);
  }
});
