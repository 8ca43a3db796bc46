/** daemon.doctor: looks, from inside the supervisor, for what is wrong or will be. Changes nothing. */
import { execFile } from 'node:child_process';
import { statfsSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { agentText, type InstalledAgent, installedAgents } from '../agents/installed.ts';
import { messageOf } from '../contract/errors.ts';
import type { Finding } from '../contract/methods/daemon.doctor.ts';
import { inFolder } from '../engine/next-command.ts';
import { shortOf } from '../host/disk.ts';
import type { FarFiles } from '../host/far-files.ts';
import type { Paths } from '../paths.ts';
import type { SandboxChoice } from '../sandbox/sandbox.ts';
import { isMaskable, MASKED_CHARS_MIN } from '../secrets/mask.ts';
import { secretPlaces } from '../secrets/places.ts';
import { SecretsEnv } from '../secrets/secrets-env.ts';
import { insideFindings } from '../service/findings.ts';
import type { LocalStore } from '../store/store.ts';
import { userEnv } from './effects/user-env.ts';
import type { Registry } from './registry.ts';
import type { Settings } from './settings.ts';
import { triggerFindings } from './triggers/findings.ts';
import type { Triggers } from './triggers/triggers.ts';
import type { Upkeep } from './upkeep.ts';

const run = promisify(execFile);
const TOOL_MS_MAX = 5000;
/** Notices that were not sent, the newest. */
const MAX_NOTICES = 5;
/** Oldest git with everything that is used (worktree repair, core.fsync is optional). */
const GIT_MIN = [2, 32] as const;

const ok = (check: string, message: string): Finding => ({ check, level: 'ok', message, fix: null });
const warning = (check: string, message: string, fix: string): Finding => ({
  check,
  level: 'warning',
  message,
  fix,
});
const failure = (check: string, message: string, fix: string): Finding => ({
  check,
  level: 'error',
  message,
  fix,
});

export async function doctor(parts: {
  paths: Paths;
  store: LocalStore;
  registry: Registry;
  upkeep: Upkeep;
  triggers: Triggers;
  settings: Settings;
  far: Pick<FarFiles, 'isFolder'>;
  cage: { kind: string; why: string; enforces: readonly string[] };
  sandbox: SandboxChoice;
  /** It can be told who asks on the control socket. */
  able: boolean;
}): Promise<{ findings: Finding[]; agents: string[] }> {
  const { paths, store, registry, upkeep, triggers, settings, far, cage, sandbox, able } = parts;
  // What it was given by whoever started it, over what every program of a task has.
  const agents = await installedAgents({ ...userEnv(), ...process.env });
  const findings = [
    ok(
      'supervisor',
      `pid ${process.pid}, Node ${process.version}, tasks: ${registry.size}, live jobs: ${registry.jobs}`,
    ),
    await gitVersion(),
    await holePunching(),
    disk(paths, settings),
    ...folders(paths),
    ...damage(store, registry),
    ...(await files(store, registry)),
    ...stored(upkeep, settings),
    ...triggerFindings(triggers),
    ...(await workspaces(registry, far)),
    ...notices(registry),
    ...(await unmasked(paths)),
    cageFinding(cage),
    sandboxFinding(sandbox),
    askersFinding(able),
    ...agents.map(agentFinding),
    ...(await insideFindings({ env: process.env, enforces: cage.enforces })),
  ];
  return { findings, agents: agents.map(({ name }) => name) };
}

/** What can be told of the state alone, also where no supervisor runs. Changes nothing. */
export async function stateFindings(store: LocalStore, registry: Registry): Promise<Finding[]> {
  return [...damage(store, registry), ...(await files(store, registry)), ...notices(registry)];
}

/** What differs from the user's shell shows here: another PATH, another home, a keychain that is locked. */
function agentFinding(agent: InstalledAgent): Finding {
  const { login, path, version, name } = agent;
  const text = `${agentText(agent)} in ${path}`;
  if (version === null)
    return warning(
      'agents (supervisor)',
      `${text}: it does not run as the supervisor starts it`,
      `Run it, as the user that rasen runs as: ${path} --version. What ${name} needs may be missing in the supervisor's PATH.`,
    );
  if (login.state !== 'out') return ok('agents (supervisor)', text);
  return warning(
    'agents (supervisor)',
    `${text}, not logged in as the supervisor sees it`,
    `As the user that rasen runs as: ${login.fix}. A task that brings its own key does not need it.`,
  );
}

/** A value that is a word like others stays in what is shown. */
async function unmasked(paths: Paths): Promise<Finding[]> {
  const { secrets_env } = secretPlaces(paths);
  const short = [...(await new SecretsEnv(secrets_env).read())].filter(([, value]) => !isMaskable(value));
  if (short.length === 0) return [];
  const names = short.map(([name]) => name).join(', ');
  return [
    warning(
      'secrets',
      `${names} in ${secrets_env}: too short or too common to be masked in logs and notices`,
      `Use values of ${MASKED_CHARS_MIN} characters or more that are no usual word.`,
    ),
  ];
}

function cageFinding({ kind, why }: { kind: string; why: string }): Finding {
  if (kind === 'unit') return ok('cage', `each attempt is a unit of systemd: ${why}`);
  return warning(
    'cage',
    `attempts run in process groups (${why}); a process that clears its environment and leaves its session can escape a stop`,
    'rasen service install gives each attempt a unit, where systemd runs. Run untrusted agents in a container.',
  );
}

function sandboxFinding(choice: SandboxChoice): Finding {
  if (choice.sandbox !== null) return ok('sandbox', `agents work in one: ${choice.why}`);
  return warning(
    'sandbox',
    `there is none (${choice.why}): an agent can read and write all that you can, such as ~/.ssh, this state folder and your checkouts`,
    choice.fix,
  );
}

function askersFinding(able: boolean): Finding {
  if (able) return ok('who asks', 'requests from inside attempts are told from those of a person');
  const linux = process.platform === 'linux';
  return warning(
    'who asks',
    'this machine cannot tell who asks on the control socket: an agent may answer, merge and change plans as you may',
    linux
      ? 'Install perl (or python3) as /usr/bin/perl, and restart rasend.'
      : 'Run agents that you do not trust in a container.',
  );
}

async function gitVersion(): Promise<Finding> {
  try {
    const { stdout } = await run('git', ['--version'], { timeout: TOOL_MS_MAX });
    const [major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(stdout)?.slice(1).map(Number) ?? [];
    if (major > GIT_MIN[0] || (major === GIT_MIN[0] && minor >= GIT_MIN[1])) return ok('git', stdout.trim());
    return failure('git', `${stdout.trim()} is too old`, `Install git ${GIT_MIN.join('.')} or newer.`);
  } catch (error) {
    return failure(
      'git',
      `git cannot be run: ${messageOf(error)}`,
      'Install git; agent tasks work in its worktrees.',
    );
  }
}

async function holePunching(): Promise<Finding> {
  if (process.platform !== 'linux') {
    return warning(
      'output cap',
      'this system cannot free the start of a growing file',
      'An attempt whose output passes the cap is stopped (flood).',
    );
  }
  try {
    await run('fallocate', ['--version'], { timeout: TOOL_MS_MAX });
    return ok('output cap', 'old output is freed in place');
  } catch {
    return warning(
      'output cap',
      'fallocate(1) is not installed',
      'Install util-linux; without it an attempt that floods is stopped.',
    );
  }
}

function disk(paths: Paths, settings: Settings): Finding {
  const free = statfsSync(paths.home);
  const text = `${Math.floor((free.bavail * free.bsize) / 1024 / 1024)} MiB free under ${paths.home}`;
  const short = shortOf(free, { path: paths.home, what: 'the state folder', whole: true }, settings);
  const how = 'Free some space, or lower disk_min or disk_min_inodes in rasend.yml.';
  return short ? failure('disk', `nothing new is started: ${short}`, how) : ok('disk', text);
}

function folders(paths: Paths): Finding[] {
  return [paths.home, paths.runtime].map(path => {
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) === 0) return ok('folders', `${path} is private`);
    return warning(
      'folders',
      `${path} has mode ${mode.toString(8)}: others can read it`,
      `chmod 700 ${path}`,
    );
  });
}

function damage(store: LocalStore, registry: Registry): Finding[] {
  const found = registry.damaged.map(({ task, kind, message, hint }) =>
    kind === 'newer'
      ? failure('state', `task ${task} is of a newer format: ${message}`, hint)
      : failure('state', `task ${task} cannot be used: ${message}`, hint),
  );
  if (store.blind !== null)
    found.push(
      warning(
        'state',
        `how far journals go could not be written down: ${store.blind}`,
        'Until it can be, a journal that is cut at a line end is not noticed at the next start.',
      ),
    );
  const torn = store.movedAside().filter(name => name.includes('.torn.'));
  if (torn.length > 0)
    found.push(
      warning(
        'state',
        `torn ends of journals were cut and kept: ${torn.join(', ')}`,
        'Nothing to do; they were never acknowledged.',
      ),
    );
  const older = store
    .movedAside()
    .filter(name => !torn.includes(name) && !registry.damaged.some(d => d.moved_to?.endsWith(name)));
  if (older.length > 0)
    found.push(
      warning(
        'state',
        `in quarantine: ${older.join(', ')}`,
        'Remove them when they are not needed any more.',
      ),
    );
  return found.length > 0 ? found : [ok('state', 'every journal could be read')];
}

/** Reads the files of every task again: memory may be right while the disk is not. Others have their turn between two. */
async function files(store: LocalStore, registry: Registry): Promise<Finding[]> {
  const fix =
    'What runs goes on from memory, and its files are written again from there; back the folder of what is over up.';
  const found: Finding[] = [];
  for (const { id } of [...registry.all()]) {
    await new Promise(resolve => setImmediate(resolve));
    if (registry.get(id))
      found.push(...store.check(id).map(problem => failure('journal', `task ${id}: ${problem}`, fix)));
  }
  return found.length > 0 ? found : [ok('journal', 'the files of every task are sound')];
}

/** What is kept of tasks that are over, and what becomes of it. */
function stored(upkeep: Upkeep, settings: Settings): Finding[] {
  const { tasks, packed, bytes } = upkeep.stored();
  const size = bytes === null ? 'their size is not known yet' : `${Math.ceil(bytes / 1024)} KiB`;
  const age =
    settings.gc_after_seconds > 0 ? `after ${Math.round(settings.gc_after_seconds / 86_400)} days` : '';
  const space =
    settings.gc_size_bytes > 0 ? `beyond ${Math.round(settings.gc_size_bytes / 1024 / 1024)} MiB` : '';
  const when = [age, space].filter(text => text !== '').join(' or ');
  const goes = when === '' ? 'none is removed by itself' : `removed by themselves ${when}`;
  const found = [ok('stored', `tasks that are over: ${tasks}, packed: ${packed}, ${size}; ${goes}`)];
  const [first] = upkeep.unpackable();
  if (first)
    found.push(
      warning(
        'stored',
        `tasks that are over and stay folders: ${upkeep.unpackable().size}; ${first[0]}: ${first[1]}`,
        'Nothing is lost. rasen gc removes them when they are not needed any more.',
      ),
    );
  return found;
}

/** Of each task the last notice, where it was not sent. */
function notices(registry: Registry): Finding[] {
  const lost = [...registry.all()].flatMap(entry => {
    const last = entry.brief ? entry.brief.notice : registry.viewOf(entry).notifications.at(-1);
    return last && !last.ok ? [{ id: entry.id, project: entry.project, ...last }] : [];
  });
  return lost
    .slice(-MAX_NOTICES)
    .map(({ id, project, kind, t, detail }) =>
      warning(
        'notify',
        `task ${id}: the notification of ${t} (${kind}) could not be sent: ${detail ?? 'no reason given'}`,
        `Mend what it says, and try it: ${inFolder(project)}rasen notify test`,
      ),
    );
}

async function workspaces(registry: Registry, far: Pick<FarFiles, 'isFolder'>): Promise<Finding[]> {
  const there = new Map<string, boolean>();
  const found: Finding[] = [];
  for (const { id, state } of registry.all()) {
    if (!state) continue;
    const { project } = state.spec;
    if (!there.has(project)) there.set(project, await far.isFolder(project));
    if (!there.get(project))
      found.push(
        failure(
          'project',
          `task ${id}: ${project} is gone, or on a disk that does not answer`,
          `Put it back, or: rasen cancel ${id}`,
        ),
      );
  }
  return found;
}
