/**
 * Every key of the configuration: kind, default, meaning. The one table that the loader, the JSON Schema, the man
 * page rasen.yml(5) and the tests read; the rows are in `keys-*.ts`, by group, in the order in which they are documented.
 * A key is here only if it changes something.
 *
 * Two shapes are accepted in every file: that of rasen.yml, and that of `.rasen/config.yaml` (agents, session, stall);
 * the second is a list of other names for the first.
 */
import { ROLES, type Role } from '../contract/spec.ts';
import { AGENTS_KEYS } from './keys-agents.ts';
import { ENV_KEYS } from './keys-env.ts';
import { GATES_KEYS } from './keys-gates.ts';
import { LIMITS_KEYS } from './keys-limits.ts';
import { NOTIFY_KEYS } from './keys-notify.ts';
import { ORCHESTRATOR_KEYS } from './keys-orchestrator.ts';
import { PROJECT_KEYS } from './keys-project.ts';
import { REVIEW_KEYS } from './keys-review.ts';
import type { KeyRow } from './keys-row.ts';
import { SANDBOX_KEYS } from './keys-sandbox.ts';
import { SERVICES_KEYS } from './keys-services.ts';
import { SUPERVISOR_KEYS } from './keys-supervisor.ts';
import { TRIGGERS_KEYS } from './keys-triggers.ts';
import { WAITING_KEYS } from './keys-waiting.ts';

export type { KeyRow } from './keys-row.ts';

const rows = {
  ...ORCHESTRATOR_KEYS,
  ...AGENTS_KEYS,
  ...SANDBOX_KEYS,
  ...PROJECT_KEYS,
  ...REVIEW_KEYS,
  ...GATES_KEYS,
  ...LIMITS_KEYS,
  ...WAITING_KEYS,
  ...ENV_KEYS,
  ...NOTIFY_KEYS,
  ...SERVICES_KEYS,
  ...TRIGGERS_KEYS,
  ...SUPERVISOR_KEYS,
};

export type KeyName = keyof typeof rows;
export type Settings = { [K in KeyName]: (typeof rows)[K] extends KeyRow<infer T> ? T : never };

export const KEYS: { readonly [K in KeyName]: KeyRow<unknown> } = rows;

export const DEFAULTS: Settings = Object.fromEntries(
  Object.entries(rows).map(([key, row]) => [key, row.default]),
) as unknown as Settings;

/** Other names of keys: the shape of `.rasen/config.yaml`, and older spellings of RASEN's documents. */
export const ALIASES: Readonly<Record<string, KeyName>> = {
  backend: 'agent.backend',
  'agent.model': 'models.default',
  ...Object.fromEntries(ROLES.map(role => [`agents.${role}.model`, `models.${role}` as KeyName])),
  'agents.reviewer.enabled': 'review.enabled',
  'agents.reviewer.per_subtask': 'review.per_subtask',
  'agents.reviewer.max_iterations': 'review.max_loops',
  'agents.qa.enabled': 'qa.enabled',
  'agents.qa.per_subtask': 'qa.per_subtask',
  'agents.qa.max_iterations': 'qa.max_iterations',
  'agents.qa.recurring_issue_threshold': 'qa.recurring_issue_threshold',
  'session.timeout_seconds': 'orchestrator.session_timeout_seconds',
  'session.max_iterations': 'orchestrator.max_iterations',
  'stall.max_no_commit_sessions': 'stall_detection.max_no_commit_sessions',
  'stall.max_consecutive_failures': 'stall_detection.max_consecutive_failures',
  'review.max_iterations': 'review.max_loops',
  'review.agent.command': 'agents.reviewer.command',
  'review.agent.backend': 'agents.reviewer.backend',
  'qa.agent.command': 'agents.qa.command',
  'qa.agent.backend': 'agents.qa.backend',
};

/** The key of a role, typed: `models.coder`, `agents.qa.command`. */
export const roleKey = {
  model: (role: Role) => `models.${role}` as const,
  command: (role: Role) => `agents.${role}.command` as const,
  backend: (role: Role) => `agents.${role}.backend` as const,
  sandbox: (role: Role) => `agents.${role}.sandbox` as const,
  prompt: (role: Role) => `agents.${role}.prompt` as const,
};

/** One row of rasen.yml(5). */
export interface ConfigKey {
  key: string;
  /** In words. */
  type: string;
  default: unknown;
  default_text: string;
  about: string;
  seed: boolean;
  /** The key that this one is another name of. */
  same_as: KeyName | null;
}

const OWN_ALIASES = new Set([
  'backend',
  'review.agent.command',
  'review.agent.backend',
  'qa.agent.command',
  'qa.agent.backend',
]);

/** Every key under every name. */
export const CONFIG_KEYS: readonly ConfigKey[] = [
  ...Object.entries<KeyRow<unknown>>(rows).map(([key, row]) => describe(key, row, null)),
  ...Object.entries(ALIASES).map(([key, target]) => describe(key, rows[target], target)),
];

function describe(key: string, row: KeyRow<unknown>, same_as: KeyName | null): ConfigKey {
  return {
    key,
    type: row.type.wanted,
    default: row.default,
    default_text: row.default_text ?? JSON.stringify(row.default),
    about: same_as ? `Another name of ${same_as}.` : row.about,
    seed: same_as ? !OWN_ALIASES.has(key) : row.seed,
    same_as,
  };
}
