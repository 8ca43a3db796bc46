/**
 * What systemd itself says of our units: `systemd-analyze verify` nothing, `systemd-analyze security` less exposure than
 * of others who keep programs running for users. Their units are set down here as far as they bear on it.
 */
import { describe, expect } from 'vitest';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine, versionOf } from './rig.ts';

/** From the units that each project ships or writes. */
const OTHERS = {
  'syncthing@alice': `User=alice
Restart=on-failure
ProtectSystem=full
PrivateTmp=true
SystemCallArchitectures=native
MemoryDenyWriteExecute=true
NoNewPrivileges=true`,
  'pm2-alice': `Type=forking
User=alice
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
Environment=PM2_HOME=/home/alice/.pm2
PIDFile=/home/alice/.pm2/pm2.pid
Restart=on-failure`,
  supervisor: `KillMode=process
Restart=on-failure
RestartSec=50s`,
};
const OTHER_USER_UNITS = {
  syncthing: `Restart=on-failure
SystemCallArchitectures=native
MemoryDenyWriteExecute=true
NoNewPrivileges=true`,
};

const unitText = (settings: string) => `[Service]\nExecStart=/bin/sleep infinity\n${settings}\n`;

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)('verify is silent, the exposure the lowest', async () => {
      const machine = await newMachine({ system });
      const [alice, bob] = [new Rasen(machine, 'alice'), new Rasen(machine, 'bob')];
      await alice.install();
      await machine.ok(['rasen', 'service', 'install', '--system', bob.user]);

      for (const unit of ['rasend.service', 'rasend.socket', 'rasen.slice'])
        expect(await alice.run(['systemd-analyze', '--user', '--man=no', 'verify', unit]), unit).toEqual(
          SILENT,
        );
      for (const unit of ['rasend@bob.service', 'rasend@bob.socket'])
        expect(await machine.run(['systemd-analyze', '--man=no', 'verify', unit]), unit).toEqual(SILENT);

      for (const [name, settings] of Object.entries(OTHERS))
        await machine.put(`/etc/systemd/system/${name}.service`, unitText(settings));
      for (const [name, settings] of Object.entries(OTHER_USER_UNITS))
        await machine.put(`/home/alice/.config/systemd/user/${name}.service`, unitText(settings), {
          user: 'alice',
        });
      await machine.ok(['systemctl', 'daemon-reload']);
      await alice.systemctl('daemon-reload');

      const exposure = async (unit: string) =>
        score(await machine.ok(['systemd-analyze', 'security', '--no-pager', `${unit}.service`]));
      const userExposure = async (unit: string) =>
        score(await alice.ok(['systemd-analyze', '--user', 'security', '--no-pager', `${unit}.service`]));
      const scores: Record<string, number> = { 'rasend@bob': await exposure('rasend@bob') };
      for (const name of Object.keys(OTHERS)) scores[name] = await exposure(name);
      const user_scores: Record<string, number> = { rasend: await userExposure('rasend') };
      for (const name of Object.keys(OTHER_USER_UNITS)) user_scores[name] = await userExposure(name);
      console.log(
        `systemd ${versionOf(system)}, exposure: ${JSON.stringify({ system: scores, user: user_scores })}`,
      );
      for (const [ours, all] of [
        ['rasend@bob', scores],
        ['rasend', user_scores],
      ] as const)
        for (const [name, theirs] of Object.entries(all))
          if (name !== ours) expect(all[ours], name).toBeLessThan(theirs);
    });
  });

const SILENT = { code: 0, signal: null, stdout: '', stderr: '' };

function score(said: string): number {
  const found = /Overall exposure level for .*: ([\d.]+)/.exec(said);
  if (!found) throw new Error(`no score in: ${said.slice(-300)}`);
  return Number(found[1]);
}
