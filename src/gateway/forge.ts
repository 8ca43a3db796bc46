/**
 * Pushing the result of a task and opening a pull request for it. Both are decisions of a person. Never forced, never
 * another branch than the task's own, and the same again for the same task: after a crash between the push and the
 * request the branch is there, and the request is looked for before one is opened.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { messageOf, RasenError } from '../contract/errors.ts';
import type { TaskView } from '../contract/view.ts';
import { git } from '../git/run.ts';
import { parseRepository, type Repositories, type Repository } from './repositories.ts';
import { type GatewayPaths, makeFolder } from './state.ts';
import type { Who } from './upstream.ts';
import { principalName } from './who.ts';

const PUSH_MS = 600_000;
const API_MS = 30_000;

export interface ForgeOptions {
  /** Base of the REST API of GitHub's kind; absent: that of the host of the repository. */
  api?: string | undefined;
  /** Where no credential came with the task: for github.com, or for the host of `api` alone. */
  token?: string | undefined;
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

const markOf = (id: string) => `refs/rasen/commit/${id}`;

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
    const env = this.#repositories.loginOf(view.id);
    const known = await markedCommit(cwd, view.id);
    const tip = await tipOf(view, known, message);
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
    const token =
      asked.token ?? this.#repositories.credentialOf(view.id, repository) ?? this.#ownToken(repository);
    if (token === undefined)
      throw new RasenError('secret', `There is no token for the forge at ${hostOf(repository)}.`, {
        hint: 'Send a token with the request, or set GITHUB_TOKEN: it is used for github.com, and with --forge-api for the host of that. The token that came with a task is used for the host of its repository alone.',
      });
    const { branch } = await this.push(view, null, who);
    const api = (this.#options.api ?? defaultApi(repository.host)).replace(/\/$/, '');
    const [owner = ''] = repository.path.split('/');
    const repo = `${api}/repos/${repository.path.split('/').slice(-2).join('/')}`;
    const find = async () => {
      const head = encodeURIComponent(`${owner}:${branch}`);
      const found = await this.#ask<PullAnswer[]>('GET', `${repo}/pulls?state=all&head=${head}`, token);
      return found.find(pull => pull.head?.ref === branch) ?? null;
    };
    const known = await find();
    if (known) return { number: known.number, url: known.html_url, branch, again: true };
    const base =
      asked.base ?? (await this.#ask<{ default_branch: string }>('GET', repo, token)).default_branch;
    const request = {
      head: branch,
      base,
      title: asked.title ?? titleOf(view),
      body: asked.body ?? bodyOf(view),
    };
    try {
      const made = await this.#ask<PullAnswer>('POST', `${repo}/pulls`, token, request);
      this.#record(who, {
        what: 'pull_request',
        task: view.id,
        branch,
        number: made.number,
        url: made.html_url,
      });
      return { number: made.number, url: made.html_url, branch, again: false };
    } catch (error) {
      // Another one may have opened it meanwhile.
      const other = await find().catch(() => null);
      if (other) return { number: other.number, url: other.html_url, branch, again: true };
      throw error;
    }
  }

  /** `origin` is what a repository says, and not where the user's token belongs. */
  #ownToken(repository: Repository): string | undefined {
    const { api = 'https://api.github.com', token } = this.#options;
    const hostname = URL.parse(api)?.hostname;
    const host = hostOf(repository);
    return hostname === host || hostname === `api.${host}` ? token : undefined;
  }

  async #ask<T>(method: string, url: string, token: string, body?: unknown): Promise<T> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method,
        headers: {
          Accept: 'application/vnd.github+json',
          Authorization: `Bearer ${token}`,
          'User-Agent': 'rasen',
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A token goes nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(API_MS),
      });
      text = (await response.text()).slice(0, 2 * 1024 * 1024);
    } catch (error) {
      throw new RasenError(
        'git',
        `The forge does not answer at ${new URL(url).origin}: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
    if (!response.ok)
      throw new RasenError(
        'git',
        `The forge refused ${method} ${new URL(url).pathname}: ${response.status} ${text.slice(0, 300)}`,
      );
    return JSON.parse(text) as T;
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

interface PullAnswer {
  number: number;
  html_url: string;
  head?: { ref?: string };
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

async function markedCommit(cwd: string, id: string): Promise<string | null> {
  const { stdout } = await git(['rev-parse', '--quiet', '--verify', markOf(id)], {
    cwd,
    reads: true,
    ok: [0, 1],
  });
  return stdout.trim() || null;
}

/** What has to be on the branch. A task that was done again goes on top of what was made of it before. */
async function tipOf(view: TaskView, known: string | null, message: string | null): Promise<string> {
  const { project: cwd, commit, base } = view;
  if (known === null) return message === null ? commit! : await squash(view, message, { on: base, known });
  const { stdout } = await git(['rev-parse', `${known}^{tree}`, `${commit}^{tree}`], { cwd, reads: true });
  const [old, wanted] = stdout.trim().split('\n');
  return old === wanted ? known : await squash(view, message ?? titleOf(view), { on: known, known });
}

/** The content of the task as one commit, kept under a ref so that it is made once. */
async function squash(
  { id, project: cwd, commit }: TaskView,
  message: string,
  { on, known }: { on: string | null; known: string | null },
): Promise<string> {
  const { stdout } = await git(['commit-tree', `${commit}^{tree}`, ...(on ? ['-p', on] : []), '-F', '-'], {
    ...{ cwd, input: message, env: await authorOf(cwd, commit!) },
  });
  const made = stdout.trim();
  await git(['update-ref', markOf(id), made, known ?? ''], { cwd });
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
