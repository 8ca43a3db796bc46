/**
 * Webhooks as senders really send them: twice, again when no answer came, old ones anew, all at once, while gateway and
 * supervisor are killed. Each that was accepted is run once. RASEN_TEST_LONG=1: ten thousand.
 */
import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { GatewayRig } from '../support/gateway.ts';
import { until } from '../support/instance.ts';
import { LONG } from '../support/long.ts';

const TRIGGERS = LONG ? 100 : 6;
/** Of each trigger; each is sent twice. */
const IDS = LONG ? 50 : 15;
/** Of gateway and supervisor each. */
const KILLS = LONG ? 50 : 3;
const SENDERS = 16;

let rig: GatewayRig;
afterEach(() => rig.close());

interface Hook {
  name: string;
  kind: 'standard' | 'github';
  path: string;
  secret: string;
}

function headersOf({ kind, secret }: Hook, id: string, body: string, at_s: number): Record<string, string> {
  if (kind === 'github')
    return {
      'X-GitHub-Event': 'push',
      'X-GitHub-Delivery': id,
      'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    };
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${at_s}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(at_s), 'webhook-signature': `v1,${signature}` };
}

test(
  `${TRIGGERS * IDS * 2} deliveries over ${KILLS} kills of each: every accepted one is run once`,
  async () => {
    rig = new GatewayRig();
    await rig.start();
    const { instance } = rig;
    const project = join(instance.folder, 'p');
    const ran = join(instance.folder, 'ran');
    mkdirSync(project);
    const names = Array.from({ length: TRIGGERS }, (_, i) => `hook-${i}`);
    const run = ['sh', '-c', `cat "$RASEN_TRIGGER_FILE" >> ${ran}`];
    const triggers = Object.fromEntries(
      names.map(name => [name, { webhook: true, task: { run }, overlap: 'queue' }]),
    );
    writeFileSync(join(project, 'rasen.yml'), JSON.stringify({ triggers }));
    const applied = await instance.rasenAsync(['trigger', 'apply'], { cwd: project });
    expect(applied.status, applied.stderr).toBe(0);
    const hooks: Hook[] = [];
    for (const [i, name] of names.entries()) {
      const kind = i % 2 === 0 ? 'standard' : 'github';
      const { stdout } = await instance.rasenAsync(['hook', 'add', name, '--kind', kind, '--json']);
      hooks.push({ name, kind, ...JSON.parse(stdout) });
    }

    const counts = { sent: 0, accepted: 0, duplicate: 0, refused: 0, again: 0 };
    /** As senders do: until there is an answer. */
    const deliver = async (hook: Hook, id: string, at_s = Math.floor(Date.now() / 1000)) => {
      const body = `${JSON.stringify({ id })}\n`;
      const headers = { 'Content-Type': 'application/json', ...headersOf(hook, id, body, at_s) };
      counts.sent++;
      for (;;) {
        const answer = await rig
          .ask(hook.path, { method: 'POST', raw: body, token: null, headers })
          .catch(() => null);
        if (answer?.status === 200 || answer?.status === 401) return answer;
        counts.again++;
        await sleep(answer?.status === 429 ? 1000 : 50);
      }
    };
    const accepted = new Set<string>();
    const jobs = hooks.flatMap(hook =>
      Array.from({ length: IDS }, (_, i) => `${hook.name}.${i}`).flatMap(id => [
        { hook, id },
        { hook, id },
      ]),
    );
    // In an order of its own, the same in each run.
    jobs.sort((a, b) => order(a.id) - order(b.id));
    const left = [...jobs];
    const sender = async () => {
      for (let job = left.pop(); job; job = left.pop()) {
        const { hook, id } = job;
        const { status, json } = await deliver(hook, id);
        expect([status, ['accepted', 'duplicate'].includes(json.result)], JSON.stringify(json)).toEqual([
          200,
          true,
        ]);
        if (json.result === 'accepted') accepted.add(id);
        counts[json.result as 'accepted' | 'duplicate']++;
        // What somebody has recorded, sent again later, and with a body of his own.
        if (order(id) % 7 !== 0) continue;
        const old =
          hook.kind === 'standard' ? await deliver(hook, id, Math.floor(Date.now() / 1000) - 3600) : null;
        const forged = await deliver(
          { ...hook, secret: `whsec_${Buffer.from('other').toString('base64')}` },
          `${id}.x`,
        );
        expect([old?.status ?? 401, forged.status]).toEqual([401, 401]);
        counts.refused += old ? 2 : 1;
      }
    };
    const senders = Promise.all(Array.from({ length: SENDERS }, sender));
    const share = jobs.length / (KILLS + 1);
    for (let i = 1; i <= KILLS; i++) {
      await until('some are sent', () => left.length <= jobs.length - share * i, LONG ? 1_200_000 : 60_000);
      await rig.kill();
      if (i % 2 === 0) await instance.kill();
      await rig.startGateway();
      if (i % 2 === 1) await instance.kill();
      await instance.start();
    }
    await senders;
    const lines = () =>
      existsSync(ran)
        ? readFileSync(ran, 'utf8')
            .split('\n')
            .filter(line => line !== '')
        : [];
    const wanted = TRIGGERS * IDS;
    await until('all have run', () => lines().length >= wanted, LONG ? 3_600_000 : 180_000);
    await until('nothing waits', async () => {
      const { json } = await rig.ask('/v1/triggers');
      return json.every((trigger: { queued: number; live: unknown }) => trigger.queued === 0);
    });
    const ids = lines().map(line => JSON.parse(line).id as string);
    expect(ids.length).toBe(wanted);
    expect(new Set(ids)).toEqual(new Set(jobs.map(({ id }) => id)));
    // Each is accepted once at most: of two that come together, one is told so.
    expect(counts.accepted + counts.duplicate).toBe(jobs.length);
    expect(counts.accepted).toBe(accepted.size);
    // One whose answer was lost with a kill is a duplicate to its sender, and has been run.
    expect([...accepted].filter(id => !ids.includes(id))).toEqual([]);
    console.log(
      `${jobs.length} deliveries, ${KILLS} kills of each: ${JSON.stringify(counts)}, ${ids.length} runs`,
    );
  },
  LONG ? 7_200_000 : 400_000,
);

/** A number that has nothing to do with how an id reads. */
function order(id: string): number {
  return createHmac('sha256', 'order').update(id).digest().readUInt32BE(0);
}
