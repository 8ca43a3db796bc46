/**
 * Repositories that tasks are asked for by URL: one mirror each, fetched by one at a time, and a checkout for each task,
 * which shares the objects of the mirror. A URL never holds a credential here: it is given to git by a helper that reads
 * a file of mode 0600, so that it stands in no remote, no argument and no log.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { git } from '../git/run.ts';
import { lockFolder } from '../host/folder-lock.ts';
import { ulid } from '../util/ulid.ts';
import { type GatewayPaths, hashOf, makeFolder } from './state.ts';

/** A large repository over a slow line. */
const FETCH_MS = 3_600_000;
const TURN_POLL_MS = 200;

export interface Repository {
  /** As git takes it, without a credential. */
  url: string;
  host: string;
  /** Below the host, without `.git`: `owner/name`. */
  path: string;
}

/**
 * `https://host/owner/name(.git)`, `ssh://`, `git@host:owner/name`, `owner/name` (on github.com), and `file://` for a
 * repository of this machine. Throws `usage`; a URL with a password in it is refused, since it would be kept.
 */
export function parseRepository(text: string): Repository {
  const bad = (why: string) =>
    new RasenError('usage', `Not a repository: ${why}`, {
      hint: 'For example: https://github.com/owner/name, git@host:owner/name.git, or owner/name.',
    });
  if (text.startsWith('-') || /[\s\x00-\x1f\x7f]/.test(text)) throw bad('it has characters that no URL has.');
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(text)) throw bad('its path has a ".." in it.');
  if (/^[\w.-]+\/[\w.-]+$/.test(text)) return parseRepository(`https://github.com/${text}`);
  const scp = /^([\w.-]+@)?([\w.-]+):(?!\/\/)([^\s]+)$/.exec(text);
  if (scp) return { url: text, host: scp[2]!, path: pathOf(scp[3]!, bad) };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad('it is no URL.');
  }
  if (!['https:', 'http:', 'ssh:', 'file:'].includes(url.protocol))
    throw bad(`${url.protocol.slice(0, -1)} is not supported.`);
  if (url.password !== '' || (url.username !== '' && url.protocol !== 'ssh:'))
    throw bad('the URL has a credential in it. Send it as github_token, or use a git credential helper.');
  // Programs that are started for the URL would take such a name for an option.
  if (url.hostname.startsWith('-')) throw bad('its host is not one.');
  if (url.search !== '' || url.hash !== '') throw bad('the URL has a query or a fragment.');
  const host = url.protocol === 'file:' ? 'local' : url.host.replace(':', '_');
  return { url: text, host, path: pathOf(decodeURIComponent(url.pathname), bad) };
}

function pathOf(text: string, bad: (why: string) => Error): string {
  const parts = text
    .replace(/\.git\/?$/, '')
    .split('/')
    .filter(part => part !== '');
  if (parts.length === 0 || parts.some(part => /^\.|[^\w.+~-]/.test(part))) throw bad('its path is not one.');
  // Names of our own files and folders: a page below a repository is none, and must not take the place of its mirror.
  if (
    parts.slice(0, -1).some(part => /\.git$/i.test(part)) ||
    parts.some(part => /\.(turn|part)$/i.test(part))
  )
    throw bad('it leads to something in a repository, or to a name that cannot be kept.');
  return parts.join('/');
}

export class Repositories {
  readonly #paths: GatewayPaths;
  /** One fetch of a mirror at a time. */
  readonly #busy = new Map<string, Promise<void>>();

  readonly #orders = new Map<string, Promise<unknown>>();

  constructor(paths: GatewayPaths) {
    this.#paths = paths;
  }

  mirrorOf({ host, path }: Repository): string {
    return join(this.#paths.repositories, host, `${path}.git`);
  }

  /** A checkout of the default branch (or `base`) for one task. Throws `git` with what git said. */
  async checkout(repository: Repository, task: string, credential: string | undefined): Promise<string> {
    const token = credential === undefined ? undefined : this.#keep(task, credential, repository);
    const mirror = this.mirrorOf(repository);
    const before = this.#busy.get(mirror) ?? Promise.resolve();
    const fetched = before.then(() => alone(mirror, () => this.#fetch(repository, mirror, token)));
    this.#busy.set(
      mirror,
      fetched.catch(() => {}),
    );
    await fetched;
    const folder = join(this.#paths.checkouts, task);
    makeFolder(this.#paths.checkouts);
    // Left by a crash before the task was accepted.
    rmSync(folder, { recursive: true, force: true });
    try {
      await git(['clone', '--quiet', '--local', '--', mirror, folder], { cwd: this.#paths.folder });
      await git(['remote', 'set-url', 'origin', repository.url], { cwd: folder });
      return folder;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The id of the task of a key: the same after a crash between the order and its acceptance. */
  idFor(key: string): string {
    makeFolder(this.#paths.keys);
    const file = join(this.#paths.keys, hashOf(key));
    const id = ulid();
    // Whole and on the disk before it has its name: half of an id would be another task after a crash.
    const aside = `${file}.${id}`;
    try {
      writeFileSync(aside, id, { mode: 0o600, flag: 'wx', flush: true });
      const known = linkOr(aside, file);
      if (known !== null) return known;
      syncFolder(this.#paths.keys);
      return id;
    } catch (error) {
      throw new RasenError('storage', `${file} cannot be written: ${messageOf(error)}`, { cause: error });
    } finally {
      rmSync(aside, { force: true });
    }
  }

  /** Orders with the same key that come together are one. */
  once<T>(key: string, make: () => Promise<T>): Promise<T> {
    const running = this.#orders.get(key) as Promise<T> | undefined;
    if (running) return running;
    const made = make().finally(() => this.#orders.delete(key));
    this.#orders.set(key, made);
    return made;
  }

  /** The checkout of a task that was not accepted. */
  forget(task: string): void {
    rmSync(join(this.#paths.checkouts, task), { recursive: true, force: true });
    rmSync(this.#credentialFile(task), { force: true });
    rmSync(this.#hostFile(task), { force: true });
  }

  /** What git needs to reach the remote: the credential that came with the task, or the user's own ways. */
  loginOf(task: string): Record<string, string | undefined> {
    return { ...usersGit(), ...(existsSync(this.#credentialFile(task)) ? this.#askpass(task) : {}) };
  }

  /**
   * What came with the task, for the host it came for. `origin` is in a checkout, where a program can write it: another
   * host is told nothing.
   */
  credentialOf(task: string, repository: Repository): string | undefined {
    const file = this.#credentialFile(task);
    if (!existsSync(file) || authorityOf(repository) !== readFileSync(this.#hostFile(task), 'utf8'))
      return undefined;
    return readFileSync(file, 'utf8');
  }

  #credentialFile(task: string): string {
    return join(this.#paths.credentials, task);
  }

  #hostFile(task: string): string {
    return join(this.#paths.credentials, `${task}.host`);
  }

  async #fetch(
    { url }: Repository,
    mirror: string,
    token: Record<string, string> | undefined,
  ): Promise<void> {
    const env = { ...usersGit(), ...token };
    if (existsSync(join(mirror, 'HEAD'))) {
      await git(
        ['fetch', '--quiet', '--prune', '--', url, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'],
        {
          // Named, so that no repository above is taken for it.
          ...{ cwd: mirror, env: { ...env, GIT_DIR: mirror }, timeout_ms: FETCH_MS },
        },
      );
      await this.#followHead(url, mirror, env);
      return;
    }
    mkdirSync(dirname(mirror), { recursive: true, mode: 0o700 });
    // Under another name until it is whole: half a mirror would be taken for one.
    const part = `${mirror}.part`;
    rmSync(part, { recursive: true, force: true });
    try {
      await git(['clone', '--quiet', '--bare', '--', url, part], {
        ...{ cwd: dirname(mirror), env, timeout_ms: FETCH_MS },
      });
      renameSync(part, mirror);
    } catch (error) {
      rmSync(part, { recursive: true, force: true });
      throw error;
    }
  }

  /** The default branch of the remote may have changed since. */
  async #followHead(url: string, mirror: string, env: Record<string, string | undefined>): Promise<void> {
    const { stdout } = await git(['ls-remote', '--symref', '--', url, 'HEAD'], { cwd: mirror, env });
    const head = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(stdout)?.[1];
    if (head !== undefined) await git(['symbolic-ref', 'HEAD', head], { cwd: mirror });
  }

  #keep(task: string, credential: string, repository: Repository): Record<string, string> {
    if (!/^[\x21-\x7e]{1,500}$/.test(credential))
      throw new RasenError('usage', 'github_token has characters that no token has.');
    makeFolder(this.#paths.credentials);
    const file = this.#credentialFile(task);
    try {
      // First: a credential without it would be nobody's.
      writeFileSync(this.#hostFile(task), authorityOf(repository), { mode: 0o600 });
      writeFileSync(file, credential, { mode: 0o600 });
    } catch (error) {
      throw new RasenError('storage', `${file} cannot be written: ${messageOf(error)}`, { cause: error });
    }
    return this.#askpass(task);
  }

  #askpass(task: string): Record<string, string> {
    const script = join(this.#paths.credentials, 'askpass.sh');
    if (!existsSync(script) || readFileSync(script, 'utf8') !== ASKPASS)
      writeFileSync(script, ASKPASS, { mode: 0o700 });
    return { GIT_ASKPASS: script, RASEN_CREDENTIAL: this.#credentialFile(task) };
  }
}

/** git asks: "Password for 'https://x-access-token@host:port': ". Whoever is not the host that it came for gets no answer. */
const ASKPASS = `#!/bin/sh
host=\${1#*://}
host=\${host##*@}
host=\${host%%/*}
host=\${host%%\\'*}
[ "$host" = "$(cat "$RASEN_CREDENTIAL.host")" ] || exit 1
case $1 in Username*) echo x-access-token ;; *) cat "$RASEN_CREDENTIAL" ;; esac
`;

/** Host, and port where there is one, as git names them when it asks for a password. */
const authorityOf = ({ url, host }: Repository) => URL.parse(url)?.host || host;

/** While a command fetches, the gateway waits, and the other way round; whoever is killed holds nothing. */
async function alone(mirror: string, work: () => Promise<void>): Promise<void> {
  const turn = `${mirror}.turn`;
  mkdirSync(turn, { recursive: true, mode: 0o700 });
  for (const end = performance.now() + FETCH_MS; ; await sleep(TURN_POLL_MS)) {
    const lock = await lockFolder(turn);
    if (lock.is === 'held') {
      if (performance.now() < end) continue;
      throw new RasenError('git', `Another fetch into ${mirror} goes on for more than an hour.`);
    }
    try {
      return await work();
    } finally {
      if (lock.is === 'taken') lock.release();
    }
  }
}

/** Null: it has that name now; else the id that was there. What is there and holds none has told nobody of one. */
function linkOr(aside: string, file: string): string | null {
  try {
    linkSync(aside, file);
    return null;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  const known = readFileSync(file, 'utf8');
  if (/^[0-9a-z]{26}$/.test(known)) return known;
  renameSync(aside, file);
  return null;
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A remote is reached as the user reaches it: credential helpers, `insteadOf`, ssh, proxies. */
function usersGit(env: NodeJS.ProcessEnv = process.env): Record<string, string | undefined> {
  const names = Object.keys(env).filter(name =>
    /^(?:https?|all|no)_proxy$|^GIT_SSH|^GIT_SSL_|^GIT_CONFIG_/i.test(name),
  );
  return {
    GIT_CONFIG_GLOBAL: undefined,
    GIT_CONFIG_NOSYSTEM: undefined,
    ...Object.fromEntries(names.map(name => [name, env[name]])),
    PATH: env.PATH,
  };
}
