/**
 * The environment that a task's commands get: what builds and agents need of the user's shell, and what the user asks
 * for. It is kept for the life of the task, so nothing gets in that nobody thought of: a secret that happened to be
 * exported, a socket of this terminal, a variable of the script that this process runs in.
 */

import type { SpecDraft } from '../contract/spec.ts';
import { AGENT_LOGINS, logsInWith } from '../engine/recipient.ts';
import { hasPassword, mayNameSecret } from '../util/secret-shapes.ts';
import { withoutHook } from './git-env.ts';

/** What the user asks for beside the usual names. */
export interface AskedEnv {
  /** Names, or beginnings of names with an `*`. */
  pass: readonly string[];
  /** Variables with their values, over everything else. */
  set: Readonly<Record<string, string>>;
}

/**
 * Names that are captured, in groups. A name with an `*` stands for all that begin so, except those that look like
 * secrets by name or value: CARGO_* is no order for CARGO_REGISTRY_TOKEN.
 */
export const USUAL: readonly { about: string; names: readonly string[] }[] = [
  { about: 'the user', names: ['HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH', 'MANPATH', 'INFOPATH', 'TMPDIR'] },
  { about: 'language and time', names: ['LANG', 'LANGUAGE', 'LC_*', 'TZ'] },
  // Outputs are files, but programs that were told about colour or about nobody watching keep to it.
  {
    about: 'output',
    names: ['TERM', 'COLORTERM', 'NO_COLOR', 'FORCE_COLOR', 'CLICOLOR', 'CLICOLOR_FORCE', 'CI'],
  },
  { about: 'programs of choice', names: ['EDITOR', 'VISUAL', 'PAGER'] },
  {
    // Not those of a login session (XDG_SESSION_ID, XDG_SEAT): a task outlives it.
    about: 'folders of the user',
    names: [
      ...['XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_CONFIG_DIRS', 'XDG_DATA_HOME', 'XDG_DATA_DIRS'],
      ...['XDG_CACHE_HOME', 'XDG_STATE_HOME', 'XDG_BIN_HOME'],
    ],
  },
  // Neither survives a reboot, but both have the same path after it where the system starts the agent.
  { about: 'sockets of the user', names: ['SSH_AUTH_SOCK', 'DBUS_SESSION_BUS_ADDRESS'] },
  {
    // A proxy's address may have a password in it. It is captured all the same: without the proxy nothing works, every
    // program of the user has it in its environment, and env.json is the user's alone (0600).
    about: 'proxies and certificates',
    names: [
      ...['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY', 'NO_PROXY'],
      ...['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'],
      ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
    ],
  },
  {
    // Who commits and with which settings; not what git sets for a hook (git-env.ts).
    about: 'git',
    names: [
      ...['GIT_AUTHOR_*', 'GIT_COMMITTER_*', 'GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'GIT_CONFIG_NOSYSTEM'],
      ...['GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_SSH_VARIANT', 'GIT_SSL_*', 'GIT_EDITOR', 'EMAIL'],
    ],
  },
  {
    about: 'JavaScript',
    // Lower-case npm_* is what npm tells its scripts: with it every command would believe to run in that script.
    names: [
      ...[
        'NODE_*',
        'NVM_*',
        'FNM_*',
        'VOLTA_*',
        'NPM_CONFIG_*',
        'PNPM_HOME',
        'YARN_*',
        'COREPACK_*',
        'DENO_*',
      ],
      ...['BUN_*', 'PLAYWRIGHT_*', 'PUPPETEER_*', 'CYPRESS_*'],
    ],
  },
  {
    about: 'Python',
    names: ['VIRTUAL_ENV', 'CONDA_*', 'PYTHON*', 'PYENV_*', 'PIP_*', 'UV_*', 'POETRY_*', 'PIPX_*', 'MAMBA_*'],
  },
  {
    about: 'Java and Android',
    names: ['JAVA_*', 'JDK_*', '_JAVA_OPTIONS', 'MAVEN_*', 'M2_HOME', 'GRADLE_*', 'SDKMAN_*', 'ANDROID_*'],
  },
  {
    about: 'Go',
    names: [
      ...[
        'GOPATH',
        'GOROOT',
        'GOBIN',
        'GOCACHE',
        'GOMODCACHE',
        'GOFLAGS',
        'GOPROXY',
        'GOPRIVATE',
        'GONOPROXY',
      ],
      ...['GONOSUMDB', 'GONOSUMCHECK', 'GOSUMDB', 'GOTOOLCHAIN', 'GOWORK', 'GOOS', 'GOARCH', 'GOEXPERIMENT'],
      ...['GOINSECURE', 'CGO_*'],
    ],
  },
  { about: 'Rust', names: ['CARGO_*', 'RUSTUP_*', 'RUSTFLAGS', 'RUSTC_*', 'RUST_*', 'SCCACHE_*'] },
  {
    about: 'Ruby and PHP',
    names: [
      'GEM_*',
      'BUNDLE_PATH',
      'BUNDLE_GEMFILE',
      'BUNDLE_WITH',
      'BUNDLE_WITHOUT',
      'BUNDLE_JOBS',
      'RUBY*',
      'RBENV_*',
      'RVM_*',
      'COMPOSER_*',
    ],
  },
  {
    about: 'C and its like',
    names: [
      ...['CC', 'CXX', 'CPP', 'LD', 'AR', 'CFLAGS', 'CXXFLAGS', 'CPPFLAGS', 'LDFLAGS', 'MAKEFLAGS', 'CPATH'],
      ...[
        'LIBRARY_PATH',
        'LD_LIBRARY_PATH',
        'C_INCLUDE_PATH',
        'CPLUS_INCLUDE_PATH',
        'PKG_CONFIG_*',
        'CMAKE_*',
      ],
      ...['CCACHE_*', 'DYLD_LIBRARY_PATH', 'DYLD_FALLBACK_LIBRARY_PATH', 'SDKROOT', 'DEVELOPER_DIR'],
    ],
  },
  {
    about: 'other tools',
    names: [
      ...[
        'ASDF_*',
        'MISE_*',
        'DIRENV_CONFIG',
        'HOMEBREW_*',
        'NIX_*',
        'LOCALE_ARCHIVE',
        'DOTNET_*',
        'FLUTTER_*',
      ],
      ...['DOCKER_HOST', 'DOCKER_CONFIG', 'DOCKER_CONTEXT', 'CONTAINER_HOST', 'KUBECONFIG', 'BAZEL_*'],
      ...['TESTCONTAINERS_*', 'TURBO_*', 'NX_*'],
    ],
  },
  {
    about: 'where clouds are looked for, not how one logs in',
    names: [
      ...[
        'AWS_PROFILE',
        'AWS_REGION',
        'AWS_DEFAULT_REGION',
        'AWS_CONFIG_FILE',
        'AWS_SHARED_CREDENTIALS_FILE',
      ],
      ...['GOOGLE_APPLICATION_CREDENTIALS', 'GOOGLE_CLOUD_PROJECT', 'GOOGLE_CLOUD_LOCATION', 'CLOUDSDK_*'],
      ...['AZURE_CONFIG_DIR'],
    ],
  },
  {
    about: 'settings of agents, not their keys',
    names: [
      'ANTHROPIC_*',
      'CLAUDE_*',
      'OPENAI_*',
      'CODEX_*',
      'GEMINI_*',
      'GOOGLE_GEMINI_*',
      'GOOGLE_GENAI_*',
      'OPENCODE_*',
      'OPENROUTER_*',
      'OLLAMA_*',
    ],
  },
];

/** Never by a beginning: of this process, or of the program that it was started by. Only their whole names get them. */
const OF_THIS_PROCESS =
  /^(?:RASEN_|npm_|LISTEN_|WATCHDOG_|NODE_CHANNEL_|NODE_UNIQUE_ID$|NOTIFY_SOCKET$|MANAGERPID$|INVOCATION_ID$|JOURNAL_STREAM$|CREDENTIALS_DIRECTORY$|CLAUDE_CODE_SSE_PORT$|CLAUDE_CODE_ENTRYPOINT$|GIT_DIR$|GIT_WORK_TREE$|GIT_INDEX_FILE$|_$|PWD$|OLDPWD$|SHLVL$)/;

const usual = matcher(USUAL.flatMap(group => group.names));

export function capturedEnv(env: NodeJS.ProcessEnv, asked: AskedEnv): Record<string, string> {
  const wanted = matcher(asked.pass);
  const kept: Record<string, string> = {};
  const users = withoutHook(env);
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !(name in users || wanted.names.has(name))) continue;
    const byStart =
      (wanted.starts(name) || (usual.starts(name) && !mayBeSecret(name, value))) &&
      !OF_THIS_PROCESS.test(name);
    if (byStart || usual.names.has(name) || wanted.names.has(name)) kept[name] = value;
  }
  return { ...kept, ...asked.set };
}

/**
 * What one logs in with, as far as names tell: of these a task that is resumed gets the present values, where it was
 * handed them before.
 */
export function credentialsIn(env: NodeJS.ProcessEnv): Record<string, string> {
  const is = (name: string) => AGENT_LOGINS.includes(name) || name === 'SSH_AUTH_SOCK' || mayNameSecret(name);
  return valuesOf(env, name => is(name) && !OF_THIS_PROCESS.test(name));
}

/** By their names, or beginnings of names with an `*`. */
export function namedIn(env: NodeJS.ProcessEnv, patterns: readonly string[]): Record<string, string> {
  const wanted = matcher(patterns);
  return valuesOf(
    env,
    name => wanted.names.has(name) || (wanted.starts(name) && !OF_THIS_PROCESS.test(name)),
  );
}

function valuesOf(env: NodeJS.ProcessEnv, is: (name: string) => boolean): Record<string, string> {
  const wanted = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && is(name) ? [[name, value]] : [],
  );
  return Object.fromEntries(wanted);
}

/** Of a group of names these are only asked for; one too many does no harm. */
function mayBeSecret(name: string, value: string): boolean {
  return mayNameSecret(name) || hasPassword(value);
}

function matcher(patterns: readonly string[]): { names: ReadonlySet<string>; starts(name: string): boolean } {
  const starts = patterns.filter(pattern => pattern.endsWith('*')).map(pattern => pattern.slice(0, -1));
  return { names: new Set(patterns), starts: name => starts.some(start => name.startsWith(start)) };
}

type Commands = Pick<
  SpecDraft,
  'agents' | 'relay' | 'gates' | 'setup' | 'services' | 'plan' | 'env' | 'secrets'
>;

/**
 * Variables that are set here and not captured, although a command of the task names them, its agent logs in with them
 * (they are secrets, so they are not captured unasked), or a tool would look there for its packages and finds nothing
 * without the password.
 */
export function missedNames(
  env: NodeJS.ProcessEnv,
  captured: Readonly<Record<string, string>>,
  spec: Commands,
): string[] {
  const agents = agentsOf(spec);
  const logins = AGENT_LOGINS.filter(name =>
    agents.some(({ backend = 'command' }) => logsInWith(backend, name)),
  );
  const named = [...agents.flatMap(({ command }) => namesIn(command)), ...namedByCommands(spec)];
  const known = new Set([captured, ...envsOf(spec)].flatMap(Object.keys));
  return [...new Set([...named, ...logins, ...withPassword(env)])].filter(
    name => env[name] && !known.has(name) && !/^(?:RASEN_|_$|PWD$|OLDPWD$|SHLVL$)/.test(name),
  );
}

/** Logins of agents that are captured, and named by a command, which does not get them. */
export function withheldNames(captured: Readonly<Record<string, string>>, spec: Commands): string[] {
  if (agentsOf(spec).length === 0) return [];
  const said = new Set(envsOf(spec).flatMap(Object.keys));
  const named = new Set(namedByCommands(spec));
  return AGENT_LOGINS.filter(name => named.has(name) && captured[name] !== undefined && !said.has(name));
}

const agentsOf = (spec: Commands) => [
  ...Object.values(spec.agents ?? {}).filter(agent => agent !== undefined),
  ...(spec.relay?.agents ?? []),
];
const subtasksOf = (spec: Pick<Commands, 'plan' | 'services'>) => [
  ...(spec.services ?? []),
  ...(spec.plan?.subtasks ?? []),
];
const envsOf = ({ env = {}, secrets = {}, ...spec }: Commands) => [
  env,
  secrets,
  ...subtasksOf(spec).map(subtask => subtask.env ?? {}),
];

function namedByCommands(spec: Commands): string[] {
  const commands = [
    ...(spec.gates ?? []).map(gate => gate.run),
    ...subtasksOf(spec).flatMap(({ do: work, gates = [] }) => [
      ...('run' in work ? [work.run] : 'keep' in work ? [work.keep] : []),
      ...gates.map(gate => gate.run),
    ]),
    spec.setup ?? [],
  ];
  return commands.flatMap(namesIn);
}

const namesIn = (words: readonly string[]) =>
  words.flatMap(word => [...word.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(match => match[1]!));

/** Of the usual groups, those that are kept back for their value alone: their names do not tell why. */
function withPassword(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).filter(
    name => usual.starts(name) && !mayNameSecret(name) && hasPassword(env[name] ?? ''),
  );
}
