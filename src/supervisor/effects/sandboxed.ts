/** Puts the program of a job into a sandbox, where its task and this machine want it. */
import { dirname, isAbsolute, join } from 'node:path';
import { agentFolders, agentOf } from '../../agents/index.ts';
import { RasenError } from '../../contract/errors.ts';
import type { Enclosure, SandboxMode } from '../../contract/sandbox.ts';
import type { Role } from '../../contract/spec.ts';
import type { Recipient } from '../../engine/recipient.ts';
import type { TaskState } from '../../engine/state.ts';
import { linkedAt, listWorktrees } from '../../git/linked.ts';
import { withServices } from '../../sandbox/hosts.ts';
import { rulesFor } from '../../sandbox/look.ts';
import { LOADS, type Sandbox } from '../../sandbox/sandbox.ts';
import type { EffectContext } from './context.ts';
import { openEnv } from './job-env.ts';
import { repositoryOf } from './repository.ts';
import { madeTemporaryFolder } from './temporary-folder.ts';

/** A command line as it is started. */
export type Wrap = (argv: readonly string[]) => string[];

export interface Fence {
  /** null: it is started as it is. */
  kind: Sandbox['kind'] | null;
  wrap: Wrap;
  /** What is left of its environment for whoever makes the sandbox. */
  env(env: Record<string, string>): Record<string, string>;
}

export const UNFENCED: Fence = { kind: null, wrap: argv => [...argv], env: env => env };

export interface Fenced {
  who: Recipient;
  nonce: string;
  /** Root of what it works in. */
  root: string;
  /** Of the subtask. */
  env?: Readonly<Record<string, string>>;
  /** What it finds of services, which it may reach. */
  services?: Readonly<Record<string, string>>;
  /** Folder of the socket on which it can hand work over; null: it has none. */
  door?: string | null;
}

/**
 * The sandbox of a recipient; null: there is none. Throws `config` where the task does not want to be without one.
 */
export async function sandboxOf(
  context: Pick<EffectContext, 'sandbox'>,
  state: TaskState,
  who: Recipient,
): Promise<Sandbox | null> {
  const mode = modeOf(state, who);
  if (mode === 'off') return null;
  const choice = await context.sandbox.get();
  if (choice.sandbox === null && mode === 'require')
    throw new RasenError('config', `it is not started without a sandbox, and there is none: ${choice.why}`, {
      hint: `${choice.fix} Or do without: sandbox: on in rasen.yml, and make the task again.`,
    });
  if (choice.sandbox && !choice.sandbox.filters && Array.isArray(state.spec.sandbox?.network))
    throw new RasenError(
      'config',
      `sandbox.network has a list of hosts, which ${choice.sandbox.kind} cannot hold`,
      {
        hint: 'Write all or none in rasen.yml, and make the task again. Lists are held on Linux.',
      },
    );
  return choice.sandbox;
}

/** Throws `config` for a service whose port would be in a network of its own, where nobody else can reach it. */
export async function checkReachable(
  context: Pick<EffectContext, 'sandbox'>,
  state: TaskState,
  who: Recipient,
  service: string,
): Promise<void> {
  const sandbox = await sandboxOf(context, state, who);
  if (sandbox?.kind !== 'bubblewrap' || state.spec.sandbox!.network === 'all') return;
  throw new RasenError(
    'config',
    `the port of ${service} would be in a sandbox with a network of its own, where nobody can reach it`,
    {
      hint: 'Write sandbox.commands: off, or sandbox.network: all, in rasen.yml, and make the task again.',
    },
  );
}

/** What a recipient was started in, as far as can be told of one that an earlier supervisor started. */
export async function sandboxKindOf(
  context: Pick<EffectContext, 'sandbox'>,
  state: TaskState,
  who: Recipient,
): Promise<Fence['kind']> {
  return modeOf(state, who) === 'off' ? null : ((await context.sandbox.get()).sandbox?.kind ?? null);
}

function modeOf({ spec, plan }: TaskState, who: Recipient): SandboxMode {
  if (!spec.sandbox) return 'off';
  const { roles, gates, commands } = spec.sandbox;
  if ('role' in who) return roles[who.role];
  if (who.command === 'gates') return gates;
  // A planner would else have done for it what it may not do itself.
  const by_agent = who.command === 'run' && plan?.source === 'planner';
  return by_agent ? stronger(commands, roles.initializer) : commands;
}

const stronger = (a: SandboxMode, b: SandboxMode): SandboxMode =>
  (['require', 'on'] as const).find(mode => a === mode || b === mode) ?? 'off';

/** Makes the folder for temporary files, and folders in the home that the program would miss. */
export async function fenceFor(context: EffectContext, state: TaskState, fenced: Fenced): Promise<Fence> {
  const { who, nonce } = fenced;
  const sandbox = await sandboxOf(context, state, who);
  if (sandbox === null) return UNFENCED;
  const spec = state.spec.sandbox!;
  const role = 'role' in who ? who.role : null;
  const tmp = madeTemporaryFolder(context, state, nonce);
  const place = spec.within ?? (await enclosureOf(context, state, fenced));
  const agent = role === null ? null : agentOf(state.spec, role);
  const known = openEnv(context, state, who);
  const env = { ...known, ...fenced.env };
  const of_agent = isOfAgent(state);
  const command = role === null ? [] : commandOf(state, role);
  const rules = await rulesFor({
    // Where the user's keys are is not for the one to say who is to be kept from them.
    env: of_agent ? known : env,
    workspace: { path: place.root, access: place.access },
    closed: context.places.closed,
    needed: [
      ...place.needed,
      ...sandbox.programs.map(path => ({ path, access: 'read' as const })),
      ...(role === null
        ? []
        : [{ path: dirname(context.places.resultFile(state.id, nonce)), access: 'write' as const }]),
    ],
    hidden: [...place.hidden, ...context.worktrees(state.id), ...secretFiles(context, state)],
    agent: agentFolders(agent?.id ?? null, command),
    command,
    write: spec.write,
    read: spec.read,
    project: state.spec.project,
    tmp,
    own_tmp: sandbox.own_tmp,
    door: fenced.door ?? null,
  });
  const inside = {
    ...{
      rules,
      network: withServices(spec.network, fenced.services ?? {}),
      tmp: sandbox.own_tmp ? '/tmp' : tmp,
      outer_tmp: tmp,
    },
    env: {
      ...Object.fromEntries(Object.entries(env).filter(([name]) => LOADS.test(name))),
      ...(of_agent ? fenced.env : {}),
      ...withoutSignatures(env),
    },
  };
  const is_inner = (name: string) => LOADS.test(name) || (of_agent && Object.hasOwn(fenced.env ?? {}, name));
  return {
    kind: sandbox.kind,
    wrap: argv => sandbox.wrap(inside, argv),
    env: all => Object.fromEntries(Object.entries(all).filter(([name]) => !is_inner(name))),
  };
}

/** An agent wrote its subtasks, so their variables are for the sandbox alone: runner and proxy outside go by some, too. */
const isOfAgent = ({ spec, plan }: TaskState): boolean =>
  spec.sandbox?.within !== undefined || plan?.source === 'planner';

/** What a recipient works in, and what of the user's it needs and does not see. */
export async function enclosureOf(
  context: Pick<EffectContext, 'store' | 'places'>,
  state: TaskState,
  { who, root }: Pick<Fenced, 'who' | 'root'>,
): Promise<Enclosure> {
  const access = 'role' in who && (who.role === 'reviewer' || who.role === 'qa') ? 'read' : 'write';
  return { root, access, ...(await repositoryParts(context, state, root, access)) };
}

const commandOf = ({ spec }: TaskState, role: Role) =>
  (spec.agents[role] ?? spec.agents.coder)?.command ?? [];

/**
 * What of the user's repository is hidden (every checkout, git's folder, the work of other tasks), and what a linked
 * worktree needs of it all the same: objects, its own registration and the refs beside its branch are written, the rest
 * of git's folder is read.
 */
async function repositoryParts(
  context: Pick<EffectContext, 'store' | 'places'>,
  state: TaskState,
  root: string,
  access: 'read' | 'write',
): Promise<Pick<Enclosure, 'needed' | 'hidden'>> {
  if (state.spec.workspace.kind !== 'git') return { needed: [], hidden: [] };
  const repo = await repositoryOf(context, state);
  const { common_dir, objects, refs } = repo;
  const checkouts = listWorktrees(repo).map(({ path }) => path);
  const hidden = [repo.root, state.spec.project, common_dir, dirname(root), ...checkouts];
  const linked = await linkedAt(repo, root);
  // Large files of git-lfs are in the user's repository, wherever is worked.
  if (linked === null) return { hidden, needed: [{ path: join(common_dir, 'lfs'), access: 'read' }] };
  const branches = dirname(state.workspace?.branch ?? 'rasen/x');
  const written = [
    ...[objects, linked.admin, join(refs, 'heads', branches)],
    join(common_dir, 'logs/refs/heads', branches),
  ];
  return {
    hidden,
    needed: [
      { path: common_dir, access: 'read' },
      ...(access === 'write' ? written.map(path => ({ path, access })) : []),
    ],
  };
}

/** The user's keys are out of reach, so a commit that has to be signed would fail; nor are they there for an agent's work. */
function withoutSignatures({ GIT_CONFIG_COUNT }: Readonly<Record<string, string>>): Record<string, string> {
  const from = Number(GIT_CONFIG_COUNT) || 0;
  const lines = ['commit.gpgSign', 'tag.gpgSign'].flatMap((key, n) => [
    [`GIT_CONFIG_KEY_${from + n}`, key],
    [`GIT_CONFIG_VALUE_${from + n}`, 'false'],
  ]);
  return { ...Object.fromEntries(lines), GIT_CONFIG_COUNT: String(from + 2) };
}

/** Files that secrets are in: a program gets the values that it is given, and no others. */
export function secretFiles({ secrets }: Pick<EffectContext, 'secrets'>, state: TaskState): string[] {
  const named = Object.values(state.spec.secrets).flatMap(({ from }) => ('file' in from ? [from.file] : []));
  return [
    ...[
      dirname(secrets.secrets_env),
      ...(secrets.unit_credentials === null ? [] : [secrets.unit_credentials]),
    ],
    ...named.map(path => (isAbsolute(path) ? path : join(secrets.home, path.slice(1)))),
  ];
}

/** What an agent is told of its sandbox, so that it looks for no way around, nor takes it for a fault of the machine. */
export function sandboxText({ spec, steps }: TaskState): string {
  const network = spec.sandbox?.network ?? 'all';
  const net =
    network === 'all'
      ? ''
      : network === 'none'
        ? '\nThere is no network but that of the sandbox to itself.'
        : `\nOf the network only these hosts can be reached, by the proxy that the environment names: ${network.join(', ')}.${
            steps.some(({ kind }) => kind === 'service')
              ? ' Services of the task are also there, as RASEN_URL_… says.'
              : ''
          }`;
  return `## Where you work

You work in a sandbox. You can write your working folder, $TMPDIR and the caches of package managers; the rest of the
system can be read only. Keys, logins, the user's own checkout, other tasks and rasen itself cannot be seen.${net} What is refused is
refused on purpose. A command that is handed over with rasen's MCP server runs in a sandbox as this one. If the work cannot be done without it, say in the result what is missing ("blocked").
`;
}
