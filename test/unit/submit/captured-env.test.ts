/** The environment that a task gets of the shell that it is handed over in. */
import { expect, test } from 'vitest';
import type { Backend } from '../../../src/contract/backends.ts';
import { askedEnv } from '../../../src/submit/asked-env.ts';
import { capturedEnv, missedNames, withheldNames } from '../../../src/submit/captured-env.ts';
import { specOf } from '../../support/task-builder.ts';

const nothing = { pass: [], set: {} };
const captured = (env: NodeJS.ProcessEnv, ...asked: string[]) => capturedEnv(env, askedEnv(asked, env));

test('what builds and agents need is captured, and nothing else', () => {
  const needed = {
    PATH: '/bin',
    HOME: '/home/me',
    LC_ALL: 'C',
    HTTPS_PROXY: 'http://me:secret@proxy',
    no_proxy: 'localhost',
    GIT_AUTHOR_NAME: 'Me',
    CLAUDE_CODE_MAX_OUTPUT_TOKENS: '9000',
    GIT_CONFIG_GLOBAL: '/dev/null',
    NODE_OPTIONS: '--no-warnings',
    CARGO_HOME: '/c',
    ANTHROPIC_BASE_URL: 'http://llm',
    SSH_AUTH_SOCK: '/run/agent',
    LANG: '',
    UV_INDEX_URL: 'https://me@pypi.example:8080/simple',
    NODE_PATH: '/a:/b@2:/c',
  };
  const rest = {
    FOO: '1',
    API_KEY: 'x',
    ANTHROPIC_API_KEY: 'x',
    CARGO_REGISTRY_TOKEN: 'x',
    NPM_CONFIG__AUTH: 'x',
    POETRY_PYPI_TOKEN_MINE: 'x',
    COMPOSER_AUTH: 'x',
    YARN_NPM_AUTH_IDENT: 'x',
    ANTHROPIC_CUSTOM_HEADERS: 'x',
    CLAUDE_CODE_OAUTH_TOKEN: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
    XDG_SESSION_ID: '4',
    RASEN_HOME: '/x',
    npm_config_registry: 'x',
    NODE_CHANNEL_FD: '3',
    NOTIFY_SOCKET: '/run/x',
    LISTEN_FDS: '1',
    CREDENTIALS_DIRECTORY: '/run/credentials/x',
    TZ: undefined,
    YARN_REGISTRY_PAT: 'x',
    MAVEN_REPO_PASS: 'x',
    CARGO_SIGNING_KEY: 'x',
    PIP_INDEX_URL: 'https://me:secret@pypi.example/simple',
    UV_EXTRA_INDEX_URL: 'https://a/ https://me:secret@b/simple',
  };
  expect(capturedEnv({ ...needed, ...rest }, nothing)).toEqual(needed);
});

test('what git sets for a hook is not the user’s: neither the repository, nor the author of the commit that was made', () => {
  const author = { GIT_AUTHOR_NAME: 'Somebody Else', GIT_AUTHOR_EMAIL: 'else@example.org' };
  const date = { GIT_AUTHOR_DATE: '@1577836800 +0000', GIT_COMMITTER_DATE: '2020-01-01' };
  const hook = {
    GIT_INDEX_FILE: '.git/index',
    GIT_EDITOR: ':',
    GIT_PREFIX: '',
    GIT_EXEC_PATH: '/usr/lib/git',
  };
  const users = { GIT_CONFIG_GLOBAL: '/my/config', GIT_SSH_COMMAND: 'ssh -4' };
  expect(capturedEnv({ ...author, ...date, ...hook, ...users }, nothing)).toEqual(users);
  expect(capturedEnv({ ...author, ...date, ...users }, nothing), 'a name that the user exports').toEqual({
    ...author,
    ...users,
  });
  for (const of of [
    'GIT_DIR',
    'GIT_WORK_TREE',
    'GIT_REFLOG_ACTION',
    'GIT_CONFIG_PARAMETERS',
    'GIT_QUARANTINE_PATH',
  ])
    expect(capturedEnv({ ...author, [of]: 'x' }, nothing), of).toEqual({});
  expect(captured({ GIT_DIR: '/other/.git' }, 'GIT_DIR'), 'unless it is asked for').toEqual({
    GIT_DIR: '/other/.git',
  });
});

test('--env adds names, values and beginnings', () => {
  const env = { PATH: '/bin', FOO: '1', MY_A: 'a', MY_TOKEN: 't', npm_package_name: 'x', RASEN_HOME: '/x' };
  expect(captured(env, 'FOO', 'MY_*', 'NEW=a=b', 'EMPTY=')).toEqual({
    PATH: '/bin',
    FOO: '1',
    MY_A: 'a',
    MY_TOKEN: 't',
    NEW: 'a=b',
    EMPTY: '',
  });
  expect(captured(env, '*'), 'everything, but not what belongs to this process').toEqual({
    PATH: '/bin',
    FOO: '1',
    MY_A: 'a',
    MY_TOKEN: 't',
  });
  expect(captured(env, 'npm_package_name'), 'by its whole name').toHaveProperty('npm_package_name', 'x');
  expect(captured(env, 'PATH=/opt')).toEqual({ PATH: '/opt' });
});

test('an address with a password is missed, unless it is asked for', () => {
  const env = { PIP_INDEX_URL: 'https://me:secret@host/', NODE_OPTIONS: '--no-warnings' };
  const spec = specOf({ agents: {}, gates: [] });
  expect(missedNames(env, captured(env), spec)).toEqual(['PIP_INDEX_URL']);
  expect(captured(env, 'PIP_*')).toEqual(env);
  expect(missedNames(env, captured(env, 'PIP_*'), spec)).toEqual([]);
});

test('--env with what cannot be handed over is refused, and no value is repeated', () => {
  expect(() => captured({}, 'GONE')).toThrow('--env GONE: GONE is not set here.');
  for (const word of ['1A=hunter2', '=hunter2', 'A B=hunter2', '*hunter2', '']) {
    expect(() => captured({}, word)).toThrow('--env was given what is no variable.');
    expect(() => captured({}, word)).not.toThrow('hunter2');
  }
});

test('a variable that a command names, or an agent logs in with, is missed when it is not handed over', () => {
  const env = { STAGE: 'test', DEBUG: '1', OPENAI_API_KEY: 'k', RASEN_HOME: '/x', PATH: '/bin', SET: 'x' };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's.
  const run = { do: { run: ['sh', '-c', 'echo "$STAGE ${DEBUG} $PATH $UNSET $RASEN_HOME $SET"'] } };
  const command = specOf({
    agents: {},
    gates: [],
    plan: {
      version: 1,
      task: 't',
      goal: '',
      source: 'file',
      rev: 1,
      subtasks: [{ id: 'a', ...run, env: { SET: 'y' } }],
    },
  });
  const missed = (spec: typeof command, ...asked: string[]) =>
    missedNames(env, captured(env, ...asked), spec);
  expect(missed(command)).toEqual(['STAGE', 'DEBUG']);
  expect(missed(command, 'STAGE')).toEqual(['DEBUG']);
  expect(missed(specOf())).toEqual(['OPENAI_API_KEY']);
  const secret = { OPENAI_API_KEY: { from: { env: 'OPENAI_API_KEY' } } };
  expect(missed(specOf({ secrets: secret }))).toEqual([]);
});

test('of the keys of agents those are missed that an agent of the task logs in with', () => {
  const env = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k', GEMINI_API_KEY: 'k', GROQ_API_KEY: 'k' };
  const missed = (...backends: Backend[]) => {
    const roles = ['coder', 'reviewer'].slice(0, backends.length);
    const agents = roles.map((role, i) => [role, { backend: backends[i], command: ['agent'] }]);
    return missedNames(env, {}, specOf({ agents: Object.fromEntries(agents) }));
  };
  expect(missed('claude')).toEqual(['ANTHROPIC_API_KEY']);
  expect(missed('codex', 'gemini')).toEqual(['OPENAI_API_KEY', 'GEMINI_API_KEY']);
  expect(missed('command').toSorted(), 'who knows').toEqual(Object.keys(env).toSorted());
});

test('a key that a command names, and that only sessions get, is told', () => {
  const gates = [
    { name: 'g', run: ['sh', '-c', 'test -n "$OPENAI_API_KEY$STAGE"'], timeout_seconds: 1, ok: [0] },
  ];
  const got = { OPENAI_API_KEY: 'k', STAGE: 's' };
  expect(withheldNames(got, specOf({ gates }))).toEqual(['OPENAI_API_KEY']);
  expect(withheldNames({}, specOf({ gates }))).toEqual([]);
  expect(withheldNames(got, specOf({ gates, agents: {} })), 'no agents').toEqual([]);
  const secrets = { OPENAI_API_KEY: { from: { env: 'X' }, for: ['gates' as const] } };
  expect(withheldNames(got, specOf({ gates, secrets }))).toEqual([]);
});
