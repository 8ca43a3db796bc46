/** rasen.yml(5) has every key, and its examples are what the readers accept. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PLAN_ROWS, SUBTASK_ROWS } from '../../../packaging/docs/plan-text.ts';
import {
  CONFIG_EXAMPLE,
  MARKDOWN_EXAMPLE,
  PIPELINE_EXAMPLE,
  PLAN_EXAMPLE,
  SECRETS_EXAMPLE,
} from '../../../packaging/docs/rasen-yml-5.ts';
import { PROJECT_EXAMPLE, SERVICES_EXAMPLE } from '../../../packaging/docs/services-text.ts';
import {
  CONFIG_KEYS,
  loadConfig,
  PLACEHOLDERS,
  planSchemaJson,
  readPlanFile,
} from '../../../src/config/index.ts';
import { heading } from './pages.ts';

const PAGE = 'man/rasen.yml.5';

test('every key, under every name', () => {
  const keys = CONFIG_KEYS.filter(row => row.same_as === null);
  expect(heading(PAGE, 'KEYS').tags).toEqual(keys.map(row => row.key));
  expect(heading(PAGE, 'Other names').tags).toEqual(
    CONFIG_KEYS.filter(row => row.same_as !== null).map(row => row.key),
  );
});

test('every placeholder of prompts', () => {
  expect(heading(PAGE, 'PROMPTS').tags).toEqual(Object.keys(PLACEHOLDERS).map(name => `{${name}}`));
});

interface ObjectSchema {
  properties: Record<string, ObjectSchema & { anyOf: { items: ObjectSchema }[] }>;
}

test('the keys of plan files are those of their schema', () => {
  const schema = planSchemaJson() as unknown as ObjectSchema;
  const of = (object: ObjectSchema) => Object.keys(object.properties).filter(key => key !== '$schema');
  expect(PLAN_ROWS.map(row => row.key).sort()).toEqual(of(schema).sort());
  expect(SUBTASK_ROWS.map(row => row.key).sort()).toEqual(
    of(schema.properties.subtasks!.anyOf[0]!.items).sort(),
  );
  expect(heading(PAGE, 'The file').tags).toEqual(PLAN_ROWS.map(row => row.key));
  expect(heading(PAGE, 'A subtask').tags).toEqual(SUBTASK_ROWS.map(row => row.key));
});

test('the example of a configuration has the effect it shows', () => {
  const project = mkdtempSync(join(tmpdir(), 'rasen-docs-'));
  try {
    writeFileSync(join(project, 'rasen.yml'), CONFIG_EXAMPLE);
    const { settings } = loadConfig({ project, env: {} });
    expect(settings['agent.backend']).toBe('claude');
    expect(settings.gates).toMatchObject([{ run: ['npm', 'test'] }, { name: 'lint', timeout_seconds: 300 }]);
    expect(settings['orchestrator.max_runtime_seconds']).toBe(8 * 3600);
    writeFileSync(join(project, 'rasen.yml'), SECRETS_EXAMPLE);
    const { secrets, pass_env } = loadConfig({ project, env: {} }).settings;
    expect(pass_env).toEqual(['DEPLOY_STAGE', 'MY_APP_*']);
    expect(secrets).toMatchObject({
      ANTHROPIC_API_KEY: { from: { env: 'ANTHROPIC_API_KEY' } },
      GITHUB_TOKEN: { from: { cmd: ['gh', 'auth', 'token'] } },
      NPM_TOKEN: { from: { file: '~/.config/npm-token' }, for: ['setup', 'gates'] },
    });
    writeFileSync(join(project, 'rasen.yml'), PROJECT_EXAMPLE);
    const { services } = loadConfig({ project, env: {} }).settings;
    expect(services.db?.service).toMatchObject({ port: 'auto', ready: { probe: { kind: 'command' } } });
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});

test('the examples of plans are plans', () => {
  const read = (name: string, text: string) => readPlanFile(name, text, { task: 'example', origin: 'file' });
  const { plan } = read('plan.yml', PLAN_EXAMPLE);
  expect(plan.subtasks.map(s => s.needs)).toEqual([[], ['token'], ['mail']]);
  const pipeline = read('pipeline.yml', PIPELINE_EXAMPLE);
  expect(pipeline.defaults).toMatchObject({ name: 'nightly', parallel: 3 });
  expect(pipeline.plan.subtasks.every(s => 'run' in s.do)).toBe(true);
  const served = read('e2e.yml', SERVICES_EXAMPLE).plan.subtasks;
  expect(served.map(s => [s.id, 'keep' in s.do, s.need_states, s.finally])).toEqual([
    ['db', true, undefined, undefined],
    ['web', true, undefined, undefined],
    ['e2e', false, undefined, undefined],
    ['logs', false, { e2e: 'failed' }, undefined],
    ['clear', false, undefined, true],
  ]);
  expect(read('plan.md', MARKDOWN_EXAMPLE).plan.subtasks).toMatchObject([
    { id: 'task-1', tests: ['test/token.test.ts'] },
    { id: 'task-2', needs: ['task-1'] },
  ]);
});
