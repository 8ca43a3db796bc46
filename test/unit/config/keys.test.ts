/** Every documented key has an effect: with another value than the default, another task is submitted. */
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { agentTaskSpec, CONFIG_KEYS, loadConfig, triggerDraft } from '../../../src/config/index.ts';
import { ID, project, refusal } from './support.ts';

const FILES = {
  'package.json': '{"scripts":{"test":"vitest","lint":"biome check"}}',
  'sub/package.json': '{"scripts":{"test":"vitest","lint":"biome check"}}',
  'other.md': 'Another prompt for {task}',
};
/** Review and QA on, so that what belongs to them shows in the spec. */
const BASE = { agent: { command: ['main-agent'] } };

/** A value other than the default, by the key's default; what cannot be told from that is listed. */
const OTHER: Record<string, unknown> = {
  'project.root': 'sub',
  gates: [['make', 'check']],
  baseline: 'allow',
  protected: ['src/secret'],
  setup_cache: ['node_modules'],
  setup: ['npm', 'ci'],
  'project.name': 'other-name',
  'agent.relay': ['codex'],
  'limits.quiet_hours': ['22:00-06:30'],
  'notify.webhook': 'https://example.org/hook',
  'notify.webhook_format': 'slack',
  'notify.webhook_secret': 'SIGN',
  'notify.on': ['failed'],
  group: 'db',
  'limits.memory': '2G',
  'limits.cpu': 1.5,
  'limits.tasks': 100,
  'limits.runtime': '1h',
  'worktree.isolation': 'linked',
  'sandbox.mode': 'require',
  'sandbox.commands': 'on',
  'sandbox.gates': 'on',
  'sandbox.write': ['~/data'],
  'sandbox.read': ['~/data'],
  'sandbox.network': ['api.example.org'],
  env: { NODE_ENV: 'test' },
  pass_env: ['DEPLOY_*'],
  secrets: { TOKEN: 'env:TOKEN' },
  services: { db: { keep: ['postgres'], ready: { tcp: 5432 } } },
  triggers: { nightly: { cron: '0 2 * * *', task: { run: ['true'] } } },
};

function other(key: string, value: unknown): unknown {
  if (key in OTHER) return OTHER[key];
  if (/^limits\..*(?:tokens|usd)/.test(key)) return 5;
  if (key.endsWith('.backend')) return 'gemini';
  if (key.endsWith('.command')) return ['other-agent', '--flag'];
  if (/^agents\..*\.sandbox$/.test(key)) return 'require';
  if (key.endsWith('.prompt')) return 'other.md';
  if (/^models\.|\.model$/.test(key)) return 'other-model';
  if (/_file$|\.path$|base_path$/.test(key)) return '.rasen/other';
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value === 0.3 ? 0.7 : value + 1;
  throw new Error(`no other value for ${key}`);
}

/** What a key cannot be without. */
const NEEDS: Record<string, object> = {
  'limits.relay_after': { agent: { relay: ['codex'] } },
  'notify.webhook_secret': {
    notify: { webhook: 'https://example.org/hook' },
    secrets: { SIGN: { from: 'env:SIGN', for: ['notify'] } },
  },
};

function outcome(settings: object): string {
  const folder = project({ ...FILES, 'rasen.yml': stringify(settings) });
  const config = loadConfig({ project: folder, env: {} });
  const spec = agentTaskSpec({ id: ID, goal: 'Do it', config, plan: null });
  const { background, settings: read } = config;
  const triggers = Object.values(read.triggers).map(triggerDraft);
  return JSON.stringify({ spec, background, pass_env: read.pass_env, triggers }).replaceAll(
    folder,
    '/project',
  );
}

function nested(key: string, value: unknown): object {
  return key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as object;
}

function merged(a: object, b: object): object {
  const result: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const mine = result[key];
    const both = [mine, value].every(v => typeof v === 'object' && v !== null && !Array.isArray(v));
    result[key] = both ? merged(mine as object, value) : value;
  }
  return result;
}

let plain: string | undefined;
const without = () => {
  plain ??= outcome({ ...BASE, project: { name: 'p' } });
  return plain;
};

test.each(CONFIG_KEYS.map(row => [row.key, row] as const))('%s has an effect', (key, row) => {
  const value = other(row.same_as ?? key, row.default);
  const base = { ...BASE, project: { name: 'p' } };
  if (key.endsWith('.read_only')) {
    const folder = project({ 'rasen.yml': stringify(nested(key, value)) });
    expect(refusal(() => loadConfig({ project: folder, env: {} })).message).toContain(
      `${key}: found ${value}`,
    );
    return;
  }
  if (
    row.same_as === 'review.enabled' ||
    row.same_as === 'qa.enabled' ||
    /^(review|qa)\.enabled$/.test(key)
  ) {
    // The default is true where there is a program; off must be off, and a written true must be on without one.
    const role = key.includes('qa') ? 'qa' : 'reviewer';
    const program = merged(base, nested(`agents.${role}.command`, ['judge']));
    expect(outcome(merged(program, nested(key, false)))).not.toBe(outcome(program));
    expect(outcome(merged(base, nested(key, true)))).not.toBe(without());
    return;
  }
  const needs = merged(base, NEEDS[key] ?? {});
  expect(outcome(merged(needs, nested(key, value)))).not.toBe(NEEDS[key] ? outcome(needs) : without());
});

test.each(CONFIG_KEYS.map(row => [row.key, row] as const))('%s is documented', (_, row) => {
  expect(row.about).toMatch(/^[A-Z`.].*\.$|^[a-z]+: /s);
  expect(row.type.length).toBeGreaterThan(3);
  expect(row.default_text).not.toBe('');
});

test('a key written with its default is the same as not written', () => {
  const folder = (settings: object) => {
    const path = project({
      ...FILES,
      'rasen.yml': stringify(merged({ ...BASE, project: { name: 'p' } }, settings)),
    });
    const config = loadConfig({ project: path, env: {} });
    return JSON.stringify(agentTaskSpec({ id: ID, goal: 'Do it', config, plan: null })).replaceAll(path, '');
  };
  const plain = folder({});
  for (const row of CONFIG_KEYS) {
    if (row.default === null || /\.(enabled)$/.test(row.same_as ?? row.key)) continue;
    expect([row.key, folder(nested(row.key, row.default)) === plain]).toEqual([row.key, true]);
  }
});
