/** Dashboard and alert rules ask for what is told, and for nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../../src/gateway/metrics.ts';

const folder = join(import.meta.dirname, '../../../packaging/monitoring');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

async function told(): Promise<string> {
  const status = {
    ...{ version: '1', started_at: '2026-01-01T00:00:00Z', tasks: { running: 1 }, damaged: 0 },
    ...{ live_jobs: 1, max_live_jobs: 4, rss_bytes: 1, stored: { bytes: 1 } },
  };
  const ask = async <T>(method: string) => (method === 'daemon.status' ? status : []) as T;
  return await new Metrics().text(ask, { requests: new Map([['2xx', 1]]), refused: new Map(), streams: 0 });
}

test('each metric that is asked for is one that is told', async () => {
  const names = new Set([...(await told()).matchAll(/^# TYPE (\w+)/gm)].map(found => found[1]));
  const asked = [...`${read('grafana.json')}${read('alerts.yml')}`.matchAll(/\brasen_\w+/g)].map(
    found => found[0],
  );
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter(name => !names.has(name))).toEqual([]);
});

test('both can be read', () => {
  expect(JSON.parse(read('grafana.json')).panels.length).toBeGreaterThan(10);
  const { groups } = parse(read('alerts.yml'));
  for (const rule of groups[0].rules)
    expect(rule).toMatchObject({ alert: expect.any(String), expr: expect.any(String) });
});

test('the text is that of Prometheus: each sample behind its type, labels escaped', async () => {
  const lines = (await told()).trimEnd().split('\n');
  let type = '';
  for (const line of lines) {
    const head = /^# (HELP|TYPE) (\w+) /.exec(line);
    if (head) type = head[2]!;
    else
      expect(line).toMatch(new RegExp(`^${type}(\\{\\w+="[^"\\n]*"(,\\w+="[^"\\n]*")*\\})? -?[\\d.e+-]+$`));
  }
});
