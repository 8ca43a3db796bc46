/**
 * Fifty readers of one log, while gateway and supervisor are killed again and again under them: each record once, in order,
 * none missing. RASEN_TEST_LONG=1: a hundred kills of each.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Follower, GatewayRig } from '../support/gateway.ts';
import { commandSpec, until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';

const READERS = 50;
/** Of each of the two. */
const KILLS = LONG ? 100 : 4;

let rig: GatewayRig;
afterEach(() => rig.close());

/** What a reader has heard, checked as it comes. */
class Heard {
  readonly reader: Follower;
  lines = 0;
  ended = false;
  #at = 0;
  #rest = '';

  constructor(reader: Follower) {
    this.reader = reader;
  }

  look(): void {
    const { seen } = this.reader;
    for (; this.#at < seen.length; this.#at++) {
      const { event, data } = seen[this.#at]!;
      if (event === 'end') this.ended = true;
      if (event !== 'log') continue;
      const parts = (this.#rest + data.records.map((record: { text: string }) => record.text).join('')).split(
        '\n',
      );
      this.#rest = parts.pop()!;
      for (const line of parts) {
        if (line === 'last') continue;
        this.lines++;
        if (line !== `line ${this.lines}`) throw new Error(`"${line}" in place of line ${this.lines}`);
      }
    }
  }
}

test(
  `${READERS} readers of a log hear each line once, over ${KILLS} kills of gateway and supervisor each`,
  async () => {
    rig = new GatewayRig();
    await rig.start();
    const done = join(rig.instance.folder, 'done');
    const script = `i=0; while [ ! -e ${done} ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done; echo last`;
    const made = await rig.ask('/v1/tasks', {
      body: { spec: commandSpec(['sh', '-c', script], rig.instance.folder), env: { PATH: process.env.PATH } },
    });
    const id = made.json.task.id;
    const all = Array.from(
      { length: READERS },
      () => new Heard(rig.follow(`/v1/tasks/${id}/log?events=false`)),
    );
    const hearMore = async () => {
      const before = all.map(heard => heard.lines);
      await until(
        'all hear more',
        () => {
          for (const heard of all) heard.look();
          return all.every((heard, i) => heard.lines > before[i]!);
        },
        120_000,
      );
    };
    await hearMore();
    for (let i = 0; i < KILLS; i++) {
      await rig.kill();
      // Every other time both are gone at once.
      if (i % 2 === 1) await rig.instance.kill();
      await rig.startGateway();
      if (i % 2 === 1) await rig.instance.start();
      await hearMore();
      if (i % 2 === 0) {
        await rig.instance.kill();
        await rig.instance.start();
        await hearMore();
      }
    }
    writeFileSync(done, '');
    await until(
      'all have heard the end',
      () => {
        for (const heard of all) heard.look();
        return all.every(heard => heard.ended);
      },
      120_000,
    );
    expect(new Set(all.map(heard => heard.lines)).size).toBe(1);
    const connections = all.reduce((sum, { reader }) => sum + reader.connections, 0);
    console.log(
      `${READERS} readers, ${KILLS} kills of each: ${all[0]!.lines} lines, ${connections} connections, none lost, none twice`,
    );
    expect(Math.min(...all.map(({ reader }) => reader.connections))).toBeGreaterThan(KILLS);
  },
  LONG ? 3_600_000 : 300_000,
);
