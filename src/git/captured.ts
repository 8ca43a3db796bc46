/**
 * What the supervisor's own git has from the user: where the repository is, and the settings that decide what a commit
 * holds. Read once, at submit, before any attempt of the task runs; after that the user's and the repository's
 * configuration are never read again, since an agent may write them. Used by own-dir.ts, which makes a git directory of it.
 */
import { realpathSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import type { CapturedRepository } from '../contract/repository.ts';
import { type Place as File, readForeign, untroubled } from '../host/foreign-file.ts';
import { ownHome } from '../host/user.ts';
import { CAPTURE_TIMEOUT_MS, MAX_CAPTURED_BYTES, MAX_CAPTURED_SETTINGS } from './limits.ts';
import { findRepository } from './repository.ts';
import { git, parts } from './run.ts';

/** Variables that say where the user's configuration is. */
const USERS = [
  ...['HOME', 'XDG_CONFIG_HOME', 'PATH'],
  ...['GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'GIT_CONFIG_NOSYSTEM'],
] as const;

type Env = Readonly<Record<string, string | undefined>>;

/** For this one look the user's configuration counts, as it does for the user's own git. */
const USERS_OWN = { GIT_CONFIG_NOSYSTEM: undefined, GIT_CONFIG_GLOBAL: undefined };

const underWay = new Map<string, Promise<CapturedRepository>>();

/**
 * The repository around `dir` as the user has it. `env` is the user's. Those who ask for the same at once get the same
 * answer. Errors: `not_git`, `git`.
 */
export function captureRepository(dir: string, env: Env): Promise<CapturedRepository> {
  const users = usersEnv(env);
  const key = JSON.stringify([dir, users]);
  let found = underWay.get(key);
  if (found === undefined) {
    found = capture(dir, users).finally(() => underWay.delete(key));
    underWay.set(key, found);
  }
  return found;
}

function usersEnv(env: Env): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of USERS) if (env[name] !== undefined) found[name] = env[name];
  // A HOME of the user that asks; the supervisor's own where it said none.
  found.HOME ??= ownHome();
  return found;
}

async function capture(dir: string, users: Record<string, string>): Promise<CapturedRepository> {
  const env = { ...USERS_OWN, ...users };
  const { root, folder: within, git_dir, common_dir } = await findRepository(dir, env);
  const { stdout } = await git(['config', '--list', '--show-scope', '--includes', '-z'], {
    cwd: root,
    env,
    reads: true,
    timeout_ms: CAPTURE_TIMEOUT_MS,
  });
  const all = parseConfig(stdout);
  const taken = all.filter(({ scope, key }) => isTaken(key, scope)).slice(0, MAX_CAPTURED_SETTINGS);
  const config = [...(await serversOfTree(root, env)), ...taken];
  const last = (name: string) => all.findLast(({ key }) => key === name)?.value ?? null;
  if (last('extensions.refstorage') === 'reftable') {
    throw new RasenError('git', `${root} keeps its refs in tables, which rasen does not write yet`, {
      hint: 'Keep them in files: git refs migrate --ref-format=files',
    });
  }
  const folder = users.XDG_CONFIG_HOME || join(users.HOME!, '.config');
  const users_file = (named: string | null, name: string) =>
    textAt(
      named === null ? join(folder, 'git', name) : resolve(root, named.replace(/^~(?=\/)/, users.HOME!)),
    );
  const in_common = (path: string) => textOf({ root: common_dir, path });
  const real = async (name: string) =>
    await realpath(join(common_dir, name)).catch(() => join(common_dir, name));
  const objects = await real('objects');
  return {
    root,
    folder: within,
    git_dir,
    common_dir,
    objects,
    refs: await real('refs'),
    config: config.map(({ key, value }) => [key, value && withoutSecret(value)]),
    // Both in one: the repository's own lines come last, and win, as they do with git.
    exclude: users_file(last('core.excludesfile'), 'ignore') + in_common('info/exclude'),
    attributes: in_common('info/attributes'),
    users_attributes: textAt('/etc/gitattributes') + users_file(last('core.attributesfile'), 'attributes'),
    sparse:
      last('core.sparsecheckout') === 'true' ? textOf({ root: git_dir, path: 'info/sparse-checkout' }) : null,
    shallow: in_common('shallow') || null,
    // By way of the link where there is one: checkouts of Android's `repo` share their objects so.
    alternates: textOf({ root: objects, path: 'info/alternates' }) || null,
  };
}

/**
 * Servers of large files that the user's checkout names; the user's own settings are stronger, as with git-lfs. What stands
 * in that file later, in the tree of a task, is not read: whoever works there could send our git anywhere.
 */
async function serversOfTree(root: string, env: Env): Promise<Pick<Setting, 'key' | 'value'>[]> {
  const text = textOf({ root, path: '.lfsconfig' });
  if (text === '') return [];
  const args = ['config', '--file', '-', '--no-includes', '--list', '-z'];
  const options = { cwd: root, env, input: text, reads: true, ok: [0, 1, 128] };
  const { code, stdout } = await git(args, options);
  // git-lfs goes without one that cannot be read, too.
  if (code !== 0) return [];
  return parts(stdout)
    .map(entry => /^(lfs\.url|remote\..+\.lfsurl)\n(.*)$/s.exec(entry))
    .flatMap(found => (found === null ? [] : [{ key: found[1]!, value: found[2]! }]))
    .slice(0, MAX_CAPTURED_SETTINGS);
}

/** Addresses lose their password: what is captured is in the journal, which others read. */
const withoutSecret = (value: string) => value.replace(/(\/\/[^/@:\s]*):[^/@\s]*@/g, '$1@');

interface Setting {
  scope: string;
  key: string;
  /** null: named without a value, which means true. */
  value: string | null;
}

/** `<scope> NUL <key> [LF <value>] NUL`, as `git config --list --show-scope -z` writes it. */
export function parseConfig(stdout: string): Setting[] {
  const fields = parts(stdout);
  const found: Setting[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const entry = fields[i + 1]!;
    const end = entry.indexOf('\n');
    found.push({
      scope: fields[i]!,
      key: end < 0 ? entry : entry.slice(0, end),
      value: end < 0 ? null : entry.slice(end + 1),
    });
  }
  return found;
}

/** What decides how files become commits and back: nothing of it starts a program but filters and merge drivers. */
const TAKEN: readonly RegExp[] = [
  /^(user|author|committer)\.(name|email)$/,
  /^core\.(repositoryformatversion|autocrlf|eol|symlinks|ignorecase|filemode|precomposeunicode|sharedrepository)$/,
  /^core\.(bigfilethreshold|compression|loosecompression|longpaths|checkroundtripencoding)$/,
  /^core\.(sparsecheckout|sparsecheckoutcone|logallrefupdates)$/,
  /^extensions\.(objectformat|compatobjectformat|refstorage|partialclone)$/,
  /^i18n\.commitencoding$/,
  /^merge\.(conflictstyle|renames|renamelimit|directoryrenames)$/,
  /^diff\.renamelimit$/,
  /^filter\..+\.(clean|smudge|process|required)$/s,
  /^merge\..+\.(driver|name|recursive)$/s,
  // Where a filter of large files finds them; and what a partial clone fetches from.
  /^lfs\./s,
  /^remote\..+\.(url|pushurl|fetch|lfsurl|promisor|partialclonefilter)$/s,
  /^url\..+\.insteadof$/s,
];
/** Which program knows the credentials for the network: only as the user has it for all repositories. */
const TAKEN_FROM_USER: readonly RegExp[] = [/^credential\.(.+\.)?(helper|username|usehttppath)$/s];

export function isTaken(key: string, scope: string): boolean {
  if (TAKEN.some(pattern => pattern.test(key))) return true;
  return (scope === 'global' || scope === 'system') && TAKEN_FROM_USER.some(pattern => pattern.test(key));
}

function textOf(file: File): string {
  const found = untroubled(file, readForeign(file, MAX_CAPTURED_BYTES));
  if (found.ok) return lines(found.value.bytes.toString('utf8'));
  if (found.fault === 'missing') return '';
  throw new RasenError('git', `${join(file.root, file.path)} ${found.problem}`, {
    hint: 'Make it a regular file of ordinary size, or remove it.',
  });
}

/** A file of the user, who may have it behind links. One that cannot be read counts as none, as with git. */
function textAt(path: string): string {
  try {
    const real = realpathSync(path);
    return textOf({ root: dirname(real), path: basename(real) });
  } catch {
    return '';
  }
}

const lines = (text: string) => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
