/**
 * Pushing the result of a task and opening a pull request for it. Both are decisions of a person. Never forced, never
 * another branch than the task's own, and the same again for the same task: after a crash between the push and the
 * request the branch is there, and the request is looked for before one is opened.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { RasenError } from '../contract/errors.ts';
import type { TaskView } from '../contract/view.ts';
import { git } from '../git/run.ts';
import { type ForgeApi, githubApi, gitlabApi, overHttps } from './forge-api.ts';
import { loggedIn, throughProgram } from './forge-program.ts';
import { parseRepository, type Repositories, type Repository } from './repositories.ts';
import { type GatewayPaths, makeFolder } from './state.ts';
import type { Who } from './upstream.ts';
import { principalName } from './who.ts';

const PUSH_MS = 600_000;

export interface ForgeOptions {
  /** Base of the REST API of GitHub's kind; absent: that of the host of the repository. */
  api?: string | undefined;
  /** Where no credential came with the task: for github.com, or for the host of `api` alone. */
  token?: string | undefined;
  /** Where gh and glab are looked for; default: of this process. */
  env?: NodeJS.ProcessEnv;
}

export interface Pushed {
  branch: string;
  commit: string;
  /** The remote had it already. */
  again: boolean;
}

export interface PullRequest {
  number: number;
  url: string;
  branch: string;
  /** It was there already. */
  again: boolean;
}

export class Forge {
  readonly #paths: GatewayPaths;
  readonly #repositories: Repositories;
  readonly #options: ForgeOptions;

  constructor(paths: GatewayPaths, repositories: Repositories, options: ForgeOptions) {
    this.#paths = paths;
    this.#repositories = repositories;
    this.#options = options;
  }

  /**
   * One commit with this message for the whole task, pushed to its branch; without a message its commits as they are.
   * Throws `task_state` where there is nothing to push.
   */
  async push(view: TaskView, message: string | null, who: Who): Promise<Pushed> {
    const { branch } = readyToPush(view);
    const cwd = view.project;
    const url = await originOf(cwd);
    const made = await this.#made(view);
    const env = { ...this.#repositories.loginOf(view.id), ...made.env };
    const tip = await tipOf(view, made, message);
    const before = await git(['ls-remote', '--', url, `refs/heads/${branch}`], {
      cwd,
      env,
      timeout_ms: PUSH_MS,
    });
    const there = before.stdout.split('\t')[0] ?? '';
    if (there !== tip) {
      await git(['push', '--quiet', '--no-verify', '--', url, `${tip}:refs/heads/${branch}`], {
        ...{ cwd, env, timeout_ms: PUSH_MS },
      });
      this.#record(who, { what: 'push', task: view.id, branch, commit: tip });
    }
    return { branch, commit: tip, again: there === tip };
  }

  /** Pushes and opens. `token`: in place of the one that came with the task. */
  async openPullRequest(
    view: TaskView,
    who: Who,
    asked: {
      title?: string | undefined;
      body?: string | undefined;
      base?: string | undefined;
      token?: string | undefined;
    },
  ): Promise<PullRequest> {
    const repository = parseRepository(await originOf(view.project));
    const api = await this.#apiOf(view, repository, asked.token);
    const { branch } = await this.push(view, null, who);
    const known = await api.find(branch);
    if (known) return { ...known, branch, again: true };
    const base = asked.base ?? (await api.defaultBranch());
    const proposal = { branch, base, title: asked.title ?? titleOf(view), body: asked.body ?? bodyOf(view) };
    try {
      const made = await api.open(proposal);
      this.#record(who, { what: 'pull_request', task: view.id, branch, ...made });
      return { ...made, branch, again: false };
    } catch (error) {
      // Another one may have opened it meanwhile, or the answer was lost.
      const other = await api.find(branch).catch(() => null);
      if (other) return { ...other, branch, again: true };
      throw error;
    }
  }

  /** The token that is meant for this; else gh or glab, where its user has logged it in; else the token of the environment. */
  async #apiOf(view: TaskView, repository: Repository, given: string | undefined): Promise<ForgeApi> {
    const { api, env = process.env } = this.#options;
    const host = hostOf(repository);
    const rest = (token: string) =>
      githubApi(overHttps((api ?? defaultApi(repository.host)).replace(/\/$/, ''), token), repository);
    const meant = given ?? this.#repositories.credentialOf(view.id, repository);
    if (meant !== undefined) return rest(meant);
    const program = api === undefined ? await loggedIn(host, env) : null;
    if (program !== null) {
      const ask = throughProgram(program, host, env);
      return program === 'gh' ? githubApi(ask, repository) : gitlabApi(ask, repository);
    }
    const token = this.#ownToken(repository);
    if (token !== undefined) return rest(token);
    throw new RasenError('secret', `There is no token for the forge at ${host}.`, {
      hint: `Log in with its program (gh auth login, glab auth login); or send a token with the request; or set GITHUB_TOKEN: it is used for github.com, and with --forge-api for the host of that. The token that came with a task is used for the host of its repository alone.`,
    });
  }

  /** What was made of a task before, and where: no repository of the user's is written. */
  async #made({ id, project: cwd }: TaskView): Promise<Made> {
    const folder = join(this.#paths.commits, id);
    const objects = join(folder, 'objects');
    makeFolder(objects);
    const { stdout } = await git(['rev-parse', '--path-format=absolute', '--git-path', 'objects'], {
      ...{ cwd, reads: true },
    });
    const env = {
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: quotedPath(stdout.trimEnd()),
    };
    return { env, mark: join(folder, 'commit') };
  }

  /** `origin` is what a repository says, and not where the user's token belongs. */
  #ownToken(repository: Repository): string | undefined {
    const { api = 'https://api.github.com', token } = this.#options;
    const hostname = URL.parse(api)?.hostname;
    const host = hostOf(repository);
    return hostname === host || hostname === `api.${host}` ? token : undefined;
  }

  #record(who: Who, what: Record<string, unknown>): void {
    makeFolder(this.#paths.folder);
    const by = who === null ? 'rasen' : principalName(who);
    appendFileSync(
      this.#paths.decisions,
      `${JSON.stringify({ t: new Date().toISOString(), by, ...what })}\n`,
      {
        mode: 0o600,
      },
    );
  }
}

function readyToPush(view: TaskView): { branch: string; commit: string } {
  const { branch, commit, status, id } = view;
  if (status !== 'completed')
    throw new RasenError('task_state', `Task ${id} is ${status}; only what is completed is pushed.`, {
      hint: `Wait for it: rasen wait ${id}`,
    });
  if (branch === null || commit === null || commit === view.base)
    throw new RasenError('task_state', `Task ${id} has no commits of its own, so there is nothing to push.`);
  if (!existsSync(view.project))
    throw new RasenError('no_folder', `The project of task ${id} is gone: ${view.project}`);
  return { branch, commit };
}

/** Where `origin` leads. Throws `git` where there is none. */
async function originOf(cwd: string): Promise<string> {
  const { stdout } = await git(['config', '--get', 'remote.origin.url'], { cwd, reads: true, ok: [0, 1] });
  const url = stdout.trim();
  if (url === '')
    throw new RasenError('git', `${cwd} has no remote called origin, so there is nowhere to push.`, {
      hint: 'git remote add origin URL',
    });
  return url;
}

interface Made {
  /** New objects go to a folder of ours; those of the repository are read. */
  env: Record<string, string>;
  /** File with the commit that was made last. */
  mark: string;
}

/** A name in a list of folders, as git reads it. */
const quotedPath = (path: string) => (/[":\n]/.test(path) ? JSON.stringify(path) : path);

function markedCommit({ mark }: Made): string | null {
  const text = existsSync(mark) ? readFileSync(mark, 'utf8') : '';
  return /^[0-9a-f]{40,64}$/.test(text) ? text : null;
}

/** What has to be on the branch. A task that was done again goes on top of what was made of it before. */
async function tipOf(view: TaskView, made: Made, message: string | null): Promise<string> {
  const { project: cwd, commit, base } = view;
  const known = markedCommit(made);
  if (known === null) return message === null ? commit! : await squash(view, made, message, base);
  const { stdout } = await git(['rev-parse', `${known}^{tree}`, `${commit}^{tree}`], {
    ...{ cwd, reads: true, env: made.env },
  });
  const [old, wanted] = stdout.trim().split('\n');
  return old === wanted ? known : await squash(view, made, message ?? titleOf(view), known);
}

/** The content of the task as one commit, which is written down so that it is made once. */
async function squash(
  { project: cwd, commit }: TaskView,
  { env, mark }: Made,
  message: string,
  on: string | null,
): Promise<string> {
  const { stdout } = await git(['commit-tree', `${commit}^{tree}`, ...(on ? ['-p', on] : []), '-F', '-'], {
    ...{ cwd, input: message, env: { ...env, ...(await authorOf(cwd, commit!)) } },
  });
  const made = stdout.trim();
  writeFileAtomic.sync(mark, made, { mode: 0o600 });
  return made;
}

/** The same author and time as the last commit of the task. */
async function authorOf(cwd: string, commit: string): Promise<Record<string, string>> {
  const { stdout } = await git(['show', '--no-patch', '--format=%an%n%ae%n%aI%n%cn%n%ce', commit], {
    cwd,
    reads: true,
  });
  const [name = '', email = '', date = '', committer = '', committer_email = ''] = stdout
    .trimEnd()
    .split('\n');
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: committer,
    GIT_COMMITTER_EMAIL: committer_email,
    GIT_COMMITTER_DATE: date,
  };
}

/** Without a port. */
const hostOf = ({ host }: Repository) => host.replace(/_\d+$/, '').toLowerCase();

function defaultApi(host: string): string {
  if (host === 'github.com') return 'https://api.github.com';
  return `https://${host}/api/v3`;
}

const firstLine = (text: string) => text.split('\n', 1)[0]!.trim().slice(0, 120);

const titleOf = (view: TaskView) => firstLine(view.goal) || view.name;

/** What a reviewer wants to know first. */
function bodyOf(view: TaskView): string {
  const rows = view.subtasks
    .filter(step => step.kind === 'agent' || step.kind === 'run')
    .map(
      step =>
        `- ${step.status === 'completed' ? '✓' : '✗'} ${firstLine(step.title)} (${step.attempts} attempts)`,
    );
  const cost = view.total_cost_usd === null ? '' : `, $${view.total_cost_usd.toFixed(2)}`;
  return [
    view.goal.trim(),
    ...(view.result ? ['## Result', view.result.trim()] : []),
    ['## Subtasks', ...rows].join('\n'),
    `Checked by gates: ${view.verified ? 'yes' : 'no'}. ${view.total_commits} commits, ${view.total_tokens} tokens${cost}. Task \`${view.id}\`.`,
  ].join('\n\n');
}
