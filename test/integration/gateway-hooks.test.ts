/** Webhooks, from the signed delivery to the run that finds what was delivered: each accepted one is run once. */
import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { GatewayRig } from '../support/gateway.ts';
import { until } from '../support/instance.ts';

let rig: GatewayRig;
afterEach(() => rig.close());

const LONG = 180_000;

test(
  'a delivery of GitHub is run once, with its payload; others are told why not',
  async () => {
    rig = new GatewayRig();
    await rig.start();
    const { instance } = rig;
    const project = join(instance.folder, 'p');
    const ran = join(instance.folder, 'ran');
    mkdirSync(project);
    const run = ['sh', '-c', `cat "$RASEN_TRIGGER_FILE" >> ${ran}; echo >> ${ran}`];
    writeFileSync(
      join(project, 'rasen.yml'),
      JSON.stringify({ triggers: { deploy: { webhook: true, task: { run }, overlap: 'queue' } } }),
    );
    const applied = instance.rasen(['trigger', 'apply'], { cwd: project });
    expect(applied.status, applied.stderr).toBe(0);
    const added = instance.rasen([
      'hook',
      'add',
      'deploy',
      '--kind',
      'github',
      '--event',
      'push',
      '--filter',
      'ref=refs/heads/main',
      '--json',
    ]);
    expect(added.status, added.stderr).toBe(0);
    const { secret, path } = JSON.parse(added.stdout);

    const deliver = (id: string, payload: object, more: Record<string, string> = {}) => {
      const body = JSON.stringify(payload);
      const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
      return rig.ask(path, {
        ...{ method: 'POST', raw: body, token: null },
        headers: {
          'Content-Type': 'application/json',
          'X-GitHub-Event': 'push',
          'X-GitHub-Delivery': id,
          'X-Hub-Signature-256': signature,
          ...more,
        },
      });
    };
    const main = { ref: 'refs/heads/main', n: 1 };
    const first = await deliver('d1', main);
    expect([first.status, first.json.result], first.text).toEqual([200, 'accepted']);
    expect((await deliver('d1', main)).json.result).toBe('duplicate');
    // Also over kills of both.
    await rig.kill();
    await instance.kill();
    await instance.start();
    await rig.startGateway();
    expect((await deliver('d1', main)).json.result).toBe('duplicate');
    expect((await deliver('d2', { ref: 'refs/heads/x' })).json).toMatchObject({
      result: 'ignored',
      reason: 'ref is not "refs/heads/main"',
    });
    expect((await deliver('d3', main, { 'X-GitHub-Event': 'issues' })).json.result).toBe('ignored');
    expect((await deliver('d4', main, { 'X-Hub-Signature-256': 'sha256=0' })).status).toBe(401);
    expect((await deliver('d5', { ref: 'refs/heads/main', n: 2 })).json.result).toBe('accepted');
    await until(
      'both have run',
      () => existsSync(ran) && readFileSync(ran, 'utf8').trim().split('\n').length >= 2,
      60_000,
    );
    expect(readFileSync(ran, 'utf8')).toContain('"n":1');
    expect(readFileSync(ran, 'utf8')).toContain('"n":2');
    const log = await rig.ask('/v1/triggers/deploy/log');
    expect(log.status, log.text).toBe(200);
    expect((await rig.ask('/v1/triggers')).json).toMatchObject([{ name: 'deploy', counts: { started: 2 } }]);

    // Who cannot sign learns nothing of which hooks there are.
    const unknown = await rig.ask('/hooks/nothing', { token: null, body: {} });
    const unsigned = await rig.ask(path, { token: null, body: {} });
    expect([unknown.status, unsigned.status]).toEqual([401, 401]);
    expect(unknown.json.detail).toBe(unsigned.json.detail);
    const added_again = instance.rasen(['hook', 'add', 'deploy', '--kind', 'github']);
    expect(added_again.status).toBe(0);
    expect((await deliver('d6', main)).status).toBe(401);
    expect(instance.rasen(['hook', 'remove', 'deploy']).status).toBe(0);
    expect(JSON.parse(instance.rasen(['hook', 'list', '--json']).stdout)).toEqual([]);
    expect((await rig.ask('/v1/triggers/deploy/remove', { body: {} })).status).toBe(200);
  },
  LONG,
);
