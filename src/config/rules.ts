/** Rules between keys, checked after the merge: what no single key can tell. */
import { normalize, relative } from 'node:path';
import { secretsIn } from '../contract/notify.ts';
import { ROLES } from '../contract/spec.ts';
import { type KeyName, roleKey } from './keys.ts';
import type { LateProblems, LoadedConfig } from './load.ts';

/** The files that rasen writes into the project. A view is overwritten again and again, so it must be nobody else's. */
const VIEW_KEYS = [
  'background.pid_file',
  'background.log_file',
  'background.status_file',
  'memory.path',
] as const satisfies KeyName[];

const OTHER_VIEWS = ['implementation_plan.json', 'attempt_history.json', 'good_commits.json', 'task.txt'];

/** What says how, with what says which program. */
const BACKEND_KEYS = [
  ['agent.backend', 'agent.command'] as const,
  ...ROLES.map(role => [roleKey.backend(role), roleKey.command(role)] as const),
];

export function checkSettings(config: LoadedConfig, late: LateProblems): void {
  const { settings } = config;
  const taken = new Map<string, string>(OTHER_VIEWS.map(name => [`.rasen/${name}`, 'another view']));
  for (const name of [
    'rasen.yml',
    '.rasen/config.yaml',
    ...config.files.map(file => relative(config.root, file)),
  ])
    taken.set(normalize(name), 'the configuration');
  for (const key of VIEW_KEYS) {
    const path = normalize(settings[key]);
    const other = taken.get(path);
    if (other) late.at(key, `${path} is the file of ${other}; rasen would overwrite it`);
    else if (path === '.' || path.endsWith('/')) late.at(key, 'names a folder, not a file');
    else if (path === '.git' || path.startsWith('.git/')) late.at(key, 'is inside .git');
    else if (path.startsWith('.rasen/prompts/')) late.at(key, 'is among the prompts');
    taken.set(path, key);
  }
  for (const path of settings.protected) {
    // An exclusion would take protection away from what is always protected.
    if (/^:(?:[!^]|\([^)]*exclude)/.test(path))
      late.at('protected', `"${path}" excludes; name only what is protected`);
  }
  for (const name of Object.keys(settings.secrets)) {
    if (Object.hasOwn(settings.env, name)) late.at('secrets', `${name} is in "env", too; keep one of them`);
  }
  const signs = settings['notify.webhook_secret'];
  if (signs !== null && settings['notify.webhook'] === null)
    late.at('notify.webhook_secret', 'signs nothing: there is no notify.webhook');
  const named = [
    ...secretsIn(settings['notify.webhook'] ?? '').map(name => ['notify.webhook', name] as const),
    ...(signs === null ? [] : [['notify.webhook_secret', signs] as const]),
  ];
  for (const [key, name] of named) {
    if (!settings.secrets[name]?.for?.includes('notify'))
      late.at(
        key,
        `${name} is no secret for notices; write secrets: {${name}: {from: "env:${name}", for: [notify]}}`,
      );
  }
  for (const [backend, command] of BACKEND_KEYS) {
    if (settings[command] !== null) continue;
    if (settings[backend] === 'command')
      late.at(backend, `command is any program: write which one in ${command}`);
    if (settings[backend] === 'acp')
      late.at(
        backend,
        `acp is any program that speaks the Agent Client Protocol: write which one in ${command}, such as [opencode, acp] or [gemini, --acp]`,
      );
  }
  const base = normalize(settings['worktree.base_path']);
  if (base === '.' || base === '.git' || base.startsWith('.git/'))
    late.at('worktree.base_path', 'must be a folder of its own, outside .git');
}
