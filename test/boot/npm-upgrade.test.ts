/**
 * `npm install -g` of another version while tasks end, by the real npm, which puts the old folder aside before the new one
 * is there: no task is lost, none runs twice. The witness is outside of the machine.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { LONG } from '../support/long.ts';
import { count } from './counts.ts';
import { until } from './host.ts';
import { NPM, PROBES } from './product.ts';
import { Rasen, witness } from './rasen.ts';
import { boot, bootTest, newMachine, versionOf } from './rig.ts';

const ROUNDS = LONG ? 3 : 1;
const TASKS = LONG ? 600 : 100;
const PER_SECOND = 200;

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)(
      `npm installs another version while ${PER_SECOND} tasks end each second, ${ROUNDS} times`,
      async () => {
        const alice = new Rasen(await newMachine({ system }));
        const { machine } = alice;
        // All of them wait at the gate at once.
        const settings = `max_live_jobs: ${TASKS}\n`;
        await machine.put('/home/alice/.config/rasen/rasend.yml', settings, { user: 'alice' });
        await alice.install();
        const gate = join(machine.outside, 'gate');
        const totals = { upgrades: 0, tasks: 0, completed: 0, twice: 0, lost: 0 };
        for (let round = 0; round < ROUNDS; round++) {
          execFileSync('mkfifo', [gate]);
          chmodSync(gate, 0o666);
          const version = round % 2 === 0 ? 'next' : 'now';
          // Ids are written by a shell of many: one process a task is more than the test needs to wait for.
          const submit = `seq -f '%.0f' ${TASKS} | xargs -P 4 -I N sh -c 'rasen run --background --json --name r${round}-N -- ${PROBES}/gate.sh r${round}-N "$(printf %d.%03d $((N / ${PER_SECOND})) $((N % ${PER_SECOND} * 1000 / ${PER_SECOND})))" >/dev/null || echo N'`;
          expect(await alice.ok(submit, { timeout_ms: 800_000 }), 'every one was accepted').toBe('');
          const of = (what: string) =>
            witness(machine).filter(sign => sign.what === what && sign.name.startsWith(`r${round}-`));
          await until('all of them wait', () => of('start').length === TASKS, { timeout_ms: 600_000 });
          const before = await alice.pid();
          await machine.ok(
            [`${PROBES}/npm-upgrade.sh`, `${NPM}/${version}.tgz`, boot.registry, String(TASKS)],
            {
              timeout_ms: 600_000,
            },
          );
          await alice.install();
          expect(await alice.pid(), 'another supervisor').not.toBe(before);
          const expected = version === 'next' ? boot.next_version : boot.version;
          expect(await alice.rasen('--version')).toContain(expected);
          const tasks = await until(
            'all of them are over',
            async () => {
              const all = await alice.tasks();
              const mine = all.filter(({ name }) => name.startsWith(`r${round}-`));
              return mine.every(({ status }) => /completed|failed|cancelled|blocked/.test(status))
                ? mine
                : null;
            },
            { timeout_ms: 600_000, every_ms: 500 },
          );
          const [starts, ends] = [of('start'), of('end')];
          const times = ends.map(({ at_ms }) => at_ms);
          const seconds = (Math.max(...times) - Math.min(...times)) / 1000;
          totals.upgrades++;
          totals.tasks += TASKS;
          totals.completed += tasks.filter(({ status }) => status === 'completed').length;
          totals.twice += starts.length - new Set(starts.map(({ name }) => name)).size;
          totals.lost += TASKS - tasks.length;
          console.log(
            `systemd ${versionOf(system)}: npm to ${expected} while ${ends.length} tasks ended in ${seconds.toFixed(1)} s (${Math.round(ends.length / seconds)} a second): ${JSON.stringify(totals)}`,
          );
          rmSync(gate);
        }
        count(boot.run, 'upgrades by npm', totals);
        expect(totals).toMatchObject({ completed: totals.tasks, twice: 0, lost: 0 });
      },
      LONG ? 3_600_000 : 900_000,
    );
  });
