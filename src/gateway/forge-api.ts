/**
 * What is asked of a forge for a pull request, in the words of GitHub's kind (which Gitea and GitHub Enterprise speak) and of
 * GitLab's. How it is asked is the caller's: with a token over HTTPS, or through the forge's own program.
 */
import { messageOf, RasenError } from '../contract/errors.ts';
import type { Repository } from './repositories.ts';

const API_MS = 30_000;
const ANSWER_BYTES_MAX = 2 * 1024 * 1024;

/** `path`: below the base of the API. Throws `git` with what the forge said. */
export type Ask = <T>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<T>;

export interface Opened {
  number: number;
  url: string;
}

export interface Proposal {
  branch: string;
  base: string;
  title: string;
  body: string;
}

export interface ForgeApi {
  /** The request for this branch, whatever became of it; null: there was none. */
  find(branch: string): Promise<Opened | null>;
  defaultBranch(): Promise<string>;
  open(proposal: Proposal): Promise<Opened>;
}

interface PullAnswer {
  number: number;
  html_url: string;
  head?: { ref?: string };
}

export function githubApi(ask: Ask, { path }: Repository): ForgeApi {
  const parts = path.split('/');
  const [owner = ''] = parts;
  const repo = `repos/${parts.slice(-2).join('/')}`;
  const opened = ({ number, html_url }: PullAnswer): Opened => ({ number, url: html_url });
  return {
    async find(branch) {
      const head = encodeURIComponent(`${owner}:${branch}`);
      const found = await ask<PullAnswer[]>('GET', `${repo}/pulls?state=all&head=${head}`);
      const pull = found.find(other => other.head?.ref === branch);
      return pull ? opened(pull) : null;
    },
    defaultBranch: async () => (await ask<{ default_branch: string }>('GET', repo)).default_branch,
    open: async ({ branch, base, title, body }) =>
      opened(await ask<PullAnswer>('POST', `${repo}/pulls`, { head: branch, base, title, body })),
  };
}

interface MergeRequestAnswer {
  iid: number;
  web_url: string;
  source_branch: string;
  /** Of a fork, where they differ: its branch may have any name. */
  source_project_id?: number;
  target_project_id?: number;
}

export function gitlabApi(ask: Ask, { path }: Repository): ForgeApi {
  const project = `projects/${encodeURIComponent(path)}`;
  const opened = ({ iid, web_url }: MergeRequestAnswer): Opened => ({ number: iid, url: web_url });
  return {
    async find(branch) {
      const query = `state=all&source_branch=${encodeURIComponent(branch)}`;
      const found = await ask<MergeRequestAnswer[]>('GET', `${project}/merge_requests?${query}`);
      const request = found.find(
        other => other.source_branch === branch && other.source_project_id === other.target_project_id,
      );
      return request ? opened(request) : null;
    },
    defaultBranch: async () => (await ask<{ default_branch: string }>('GET', project)).default_branch,
    open: async ({ branch, base, title, body }) =>
      opened(
        await ask<MergeRequestAnswer>('POST', `${project}/merge_requests`, {
          ...{ source_branch: branch, target_branch: base, title, description: body },
        }),
      ),
  };
}

/** `base`: of the REST API, without a slash at its end. */
export function overHttps(base: string, token: string): Ask {
  return async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const url = `${base}/${path}`;
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
      text = (await response.text()).slice(0, ANSWER_BYTES_MAX);
    } catch (error) {
      throw new RasenError(
        'git',
        `The forge does not answer at ${new URL(url).origin}: ${messageOf(error)}`,
        { cause: error },
      );
    }
    if (!response.ok)
      throw new RasenError(
        'git',
        `The forge refused ${method} ${new URL(url).pathname}: ${response.status} ${text.slice(0, 300)}`,
      );
    return JSON.parse(text) as T;
  };
}
