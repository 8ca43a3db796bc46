/** Variables, secrets and limits of the machine in the configuration and in plans: what is read, and what is refused. */
import { describe, expect, test } from 'vitest';
import {
  agentTaskSpec,
  checkedSpec,
  loadConfig,
  type PlanFileOptions,
  readPlanFile,
  writtenSecret,
} from '../../../src/config/index.ts';
import { pipelineSpec } from '../../../src/submit/spec-command.ts';
import { ID, project, refusal } from './support.ts';

const BASE = 'agent: [agent]\ngates: none\n';
const specOf = (text: string, own?: string) => {
  const folder = project({ 'rasen.yml': BASE + text, ...(own ? { '.rasen/config.yaml': own } : {}) });
  return agentTaskSpec({ id: ID, goal: 'g', config: loadConfig({ project: folder, env: {} }), plan: null });
};
const wrong = (text: string) => {
  const folder = project({ 'rasen.yml': BASE + text });
  return refusal(() => loadConfig({ project: folder, env: {} }));
};
const plan = (text: string, origin: PlanFileOptions['origin'] = 'file') =>
  readPlanFile('plan.yml', text, { task: ID, goal: 'g', origin });

describe('the configuration', () => {
  test('every kind of reference becomes data, and goes to the work alone unless it says otherwise', () => {
    const { secrets } = specOf(`secrets:
  A: env:A_TOKEN
  B: file:~/b token
  C: cmd:pass show c/d
  D: [op, read, "op://x y"]
  E: cred:deploy.key
  F: keychain:https://example.test/me
  G: keychain:build
  H: {from: env:H, for: gates}
  I: {from: [gh, auth, token], for: [setup, run, setup]}
  J: {from: env:J, for: [planner, coder, reviewer, qa]}
`);
    const work = null;
    expect(secrets).toEqual({
      A: { from: { env: 'A_TOKEN' }, for: work },
      B: { from: { file: '~/b token' }, for: work },
      C: { from: { cmd: ['pass', 'show', 'c/d'] }, for: work },
      D: { from: { cmd: ['op', 'read', 'op://x y'] }, for: work },
      E: { from: { cred: 'deploy.key' }, for: work },
      F: { from: { keychain: 'https://example.test', account: 'me' }, for: work },
      G: { from: { keychain: 'build', account: null }, for: work },
      H: { from: { env: 'H' }, for: ['gates'] },
      I: { from: { cmd: ['gh', 'auth', 'token'] }, for: ['setup', 'run'] },
      J: { from: { env: 'J' }, for: ['planner', 'coder', 'reviewer', 'qa'] },
    });
    // In the words of a plan that is written to a file, and read again.
    const written = Object.fromEntries(Object.entries(secrets).map(([k, s]) => [k, writtenSecret(s)]));
    const again = plan(JSON.stringify({ secrets: written, subtasks: [{ id: 'a', run: ['a'] }] }));
    expect(again.defaults.secrets).toEqual(secrets);
  });

  test('limits of the machine are in the units of the system', () => {
    const { limits } = specOf('limits: {memory: 1.5G, cpu: 0.5, tasks: 64, runtime: 2h}\n');
    expect(limits).toMatchObject({
      memory_max_bytes: 1.5 * 1024 ** 3,
      cpu_max_percent: 50,
      tasks_max: 64,
      runtime_max_seconds: 7200,
    });
    expect(specOf('').limits).toMatchObject({
      memory_max_bytes: null,
      cpu_max_percent: null,
      tasks_max: null,
      runtime_max_seconds: null,
    });
  });

  test('variables and secrets of both files count, name by name', () => {
    const { env, secrets } = specOf(
      'env: {A: "1", B: 2}\nsecrets: {X: env:X, Y: env:Y}\n',
      'env: {B: three}\nsecrets: {Y: env:OTHER}\n',
    );
    expect(env).toEqual({ A: '1', B: 'three' });
    expect(secrets).toMatchObject({ X: { from: { env: 'X' } }, Y: { from: { env: 'OTHER' } } });
  });

  const TOKEN = `ghp_${'R4nd0mT0k3n'.repeat(4).slice(0, 36)}`;
  test.each<[string, string]>([
    ['env: {DEPLOY_TOKEN: abc}', '3:21: env.DEPLOY_TOKEN: looks like a secret by its name'],
    ['env:\n  A: 1\n  db_password: hunter2', '5:16: env.db_password: looks like a secret by its name'],
    [`env: {HEADER: "bearer ${TOKEN}"}`, '3:15: env.HEADER: has a GitHub token in it'],
    ['env: {1A: x}', '3:7: env.1A: is not a name for a variable'],
    ['env: {__proto__: x}', 'is not a name for a variable'],
    ['env: [A]', '3:6: env: found a list, wanted a map of variables'],
    ['env: {A: [x]}', '3:10: env.A: found a list, wanted'],
    ['pass_env: [A B]', '3:12: pass_env: found "A B", wanted a name of a variable'],
    ['pass_env: ["*A"]', 'wanted a name of a variable, or its beginning and a *'],
    [`secrets: {A: ${TOKEN}}`, '3:14: secrets.A: is no reference; wanted env:NAME'],
    ['secrets: {A: "env:A B"}', '3:14: secrets.A: behind env: wanted a name of a variable'],
    ['secrets: {A: file:relative}', 'behind file: wanted an absolute path'],
    [
      'secrets: {A: "cmd:pass $(x)"}',
      'there is no shell: write a command with other than plain words as a list',
    ],
    ['secrets: {A: []}', '3:14: secrets.A: names no program'],
    ['secrets: {A: cred:../x}', 'behind cred: wanted a name of a credential'],
    ['secrets: {A: keychain:x/}', 'behind keychain: wanted SERVICE or SERVICE/ACCOUNT'],
    ['secrets: {A: {for: run}}', '3:14: secrets.A: has no "from"'],
    ['secrets: {A: {from: env:A, for: boss}}', '3:33: secrets.A.for: found "boss", wanted'],
    ['secrets: {A: {from: env:A, for: []}}', 'secrets.A.for: nobody would get it'],
    ['secrets: {A: {from: env:A, fro: x}}', 'secrets.A.fro: unknown key; wanted from and for'],
    ['secrets: {RASEN_TASK: env:A}', 'names that begin with RASEN_ are rasen’s own'],
    ['env: {A: x}\nsecrets: {A: env:A}', '4:10: secrets: A is in "env", too; keep one of them'],
    ['limits: {memory: 10}', '3:18: limits.memory: found 10, wanted bytes or a size'],
    ['limits: {memory: 50%}', 'limits.memory: found "50%", wanted bytes or a size such as 512kb, 10mb, 2G'],
    [
      'limits: {cpu: 150%}',
      '3:15: limits.cpu: found "150%", wanted a number of processors such as 2 or 0.5; did you mean 1.5?',
    ],
    ['limits: {tasks: 2}', 'limits.tasks: found 2, wanted a whole number from 8'],
    ['limits: {runtime: 0}', 'limits.runtime: found 0'],
  ])('%s', (text, says) => {
    const { message } = wrong(text);
    expect(message).toContain(says);
    expect(message, 'what was written is not repeated').not.toContain(TOKEN);
    expect(message).not.toContain('hunter2');
  });

  test('names that only speak of secrets, and empty values, are no secrets', () => {
    const env = { API_KEY_FILE: '/x', TOKEN_TTL: '60', MAX_THINKING_TOKENS: '1', NPM_TOKEN: '' };
    expect(specOf(`env: ${JSON.stringify(env)}\n`).env).toEqual(env);
  });
});

describe('a plan', () => {
  const PIPELINE = `limits: {memory: 1G, tasks: 50}
pass_env: [STAGE]
secrets: {TOKEN: env:TOKEN}
subtasks:
  small: [a]
  big: {run: [b], limits: {memory: 4G, cpu: 2, runtime: 10m}}
`;

  test('its limits are those of every subtask that says nothing else', () => {
    const { plan: read, defaults } = plan(PIPELINE);
    const free = { tokens: null, usd: null };
    const none = { cpu_max_percent: null, runtime_max_seconds: null, ...free };
    expect(read.subtasks.map(s => s.limits)).toEqual([
      { memory_max_bytes: 1024 ** 3, tasks_max: 50, ...none },
      {
        memory_max_bytes: 4 * 1024 ** 3,
        cpu_max_percent: 200,
        tasks_max: 50,
        runtime_max_seconds: 600,
        ...free,
      },
    ]);
    expect(defaults.pass_env).toEqual(['STAGE']);
    const spec = checkedSpec(pipelineSpec({ id: ID, plan: read, defaults, cwd: '/x' }));
    expect(spec.secrets).toEqual({ TOKEN: { from: { env: 'TOKEN' }, for: null } });
  });

  test('in its normal form is read again as it was', () => {
    const { plan: read } = plan(PIPELINE);
    expect(plan(JSON.stringify(read)).plan).toEqual(read);
  });

  test('secrets of the configuration are stronger than those of a plan', () => {
    const loaded = plan('secrets: {A: env:PLAN_A, B: env:B}\nsubtasks: {a: {agent: coder, description: x}}');
    const folder = project({ 'rasen.yml': `${BASE}secrets: {A: env:A}\n` });
    const config = loadConfig({ project: folder, env: {} });
    const { secrets } = agentTaskSpec({
      id: ID,
      goal: 'g',
      config,
      plan: loaded.plan,
      plan_defaults: loaded.defaults,
    });
    expect(secrets).toMatchObject({ A: { from: { env: 'A' } }, B: { from: { env: 'B' } } });
  });

  test.each([
    [
      'subtasks: [{id: a, run: [x], limits: {memory: 1T}}]',
      '1:39: subtasks[0].limits.memory: only a plan written by the user',
    ],
    ['secrets: {A: env:A}\nsubtasks: [{id: a, run: [x]}]', '1:1: secrets: only a plan written by the user'],
    ['pass_env: [A]\nsubtasks: [{id: a, run: [x]}]', '1:1: pass_env: only a plan written by the user'],
  ])('of a planner cannot set it: %s', (text, says) => {
    expect(refusal(() => plan(text, 'planner')).message).toContain(says);
    expect(() => plan(text)).not.toThrow();
  });

  test.each([
    ['subtasks: [{id: a, run: [x], env: {API_KEY: k}}]', 'subtasks[0].env.API_KEY: looks like a secret'],
    ['subtasks: [{id: a, run: [x], limits: {memory: 1G, memory_max_bytes: 5}}]', 'says the same as "memory"'],
    ['subtasks: [{id: a, run: [x], limits: {memroy: 1G}}]', 'did you mean "memory"?'],
  ])('%s', (text, says) => {
    expect(refusal(() => plan(text)).message).toContain(says);
  });
});
