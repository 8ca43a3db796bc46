/**
 * The git directory of the supervisor for one task. Objects, refs and their logs are the user's, by links; the
 * configuration, ignore patterns and attributes are files of ours, made of what was captured at submit. There are no
 * hooks. git takes nothing else from a git directory, so nothing that an agent writes makes our git start a program.
 */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import type { CapturedRepository } from '../contract/repository.ts';
import { readForeign, statForeign, untroubled } from '../host/foreign-file.ts';
import { configLines, escaped, lfsOrigin, lfsText } from './config-text.ts';
import { writeDurably } from './durable.ts';
import { MAX_CAPTURED_BYTES } from './limits.ts';
import { refPart } from './records.ts';
import type { Isolation, Repository } from './repository.ts';
import { ownFolder } from './sound.ts';

/** Ours in the user's checkout, and nobody's work. */
const OWN_EXCLUDES = ['.rasen/', '.worktrees/'];

const USERS_ATTRIBUTES = 'rasen-attributes';

/**
 * Commits of an agent come in by `git fetch` and are looked into. What old tools did wrong in commits that an agent may
 * bring along from elsewhere is no reason to refuse them; what leads out of a tree or poses as `.git` is. Any commit may be
 * asked for by its id; many files are written by several processes.
 */
const CARRYING = [
  '[fetch]',
  '\tfsckObjects = true',
  '[fetch "fsck"]',
  ...[
    'zeroPaddedFilemode',
    'missingSpaceBeforeDate',
    'badTimezone',
    'multipleAuthors',
    'badDate',
    'missingEmail',
  ].map(id => `\t${id} = warn`),
  '[uploadpack]',
  '\tallowAnySHA1InWant = true',
  '[checkout]',
  '\tworkers = 0',
];

export interface OpenRequest {
  task: string;
  captured: CapturedRepository;
  /** Folder of the state for all repositories. */
  state: string;
  /** The user's, as captured with the task: PATH and HOME are taken. */
  env: Readonly<Record<string, string>>;
  is_old?: boolean;
  /** How the task works; a task of an earlier release has a linked worktree. */
  isolation?: Isolation;
  /** Remotes of a clone can be pushed to. */
  push?: boolean;
}

/**
 * Makes the git directory, or sees that it is as it was made. Errors: `not_git` when the repository is not there any
 * more, `git` when another one is in its place.
 */
export async function openRepository(request: OpenRequest): Promise<Repository> {
  const { captured, task } = request;
  stillThere(captured);
  const records = recordsOf(request.state, captured.common_dir);
  const folder = join(records, 'tasks', refPart(task));
  const own = join(folder, 'git');
  await mkdir(join(own, 'info'), { recursive: true, mode: 0o700 });
  await mkdir(join(own, 'logs'), { recursive: true });
  const { common_dir, objects, refs } = captured;
  await ownFolder(join(common_dir, 'logs'));
  await ownFolder(join(common_dir, 'logs', 'refs'));
  const links = {
    objects,
    refs,
    'packed-refs': join(common_dir, 'packed-refs'),
    'logs/refs': join(common_dir, 'logs', 'refs'),
  };
  for (const [name, target] of Object.entries(links)) await link(join(own, name), target);
  const files = {
    HEAD: 'ref: refs/heads/rasen-none\n',
    config: configText(captured, join(own, USERS_ATTRIBUTES)) + lfsText(captured) + lfsOrigin(captured),
    [USERS_ATTRIBUTES]: captured.users_attributes,
    'info/exclude': `${captured.exclude}${OWN_EXCLUDES.join('\n')}\n`,
    'info/attributes': captured.attributes,
    ...(captured.sparse === null ? {} : { 'info/sparse-checkout': captured.sparse }),
    ...(captured.shallow === null ? {} : { shallow: captured.shallow }),
  };
  for (const [name, text] of Object.entries(files)) await put(join(own, name), text);
  await nothingElse(own, new Set([...Object.keys(links), ...Object.keys(files)]));
  const { PATH, HOME } = request.env;
  return {
    root: captured.root,
    git_dir: captured.git_dir,
    ...{ common_dir, objects, refs, own, records },
    env: { ...(PATH ? { PATH } : {}), ...(HOME ? { HOME } : {}) },
    is_old: request.is_old ?? false,
    captured,
    isolation: request.isolation ?? 'linked',
    push: request.push ?? false,
  };
}

/** Folder for what is remembered about a repository. */
function recordsOf(state: string, common_dir: string): string {
  return join(state, createHash('sha256').update(common_dir).digest('hex').slice(0, 24));
}

/** An agent may have put another repository, or a link, in its place. */
function stillThere({ root, git_dir, common_dir, objects, refs, alternates }: CapturedRepository): void {
  for (const folder of [root, git_dir, common_dir, objects, refs]) {
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found?.isDirectory()) continue;
    if (found === undefined) throw gone(root, folder);
    throw another(folder, 'is no folder any more');
  }
  const file = { root: objects, path: 'info/alternates' };
  if (alternates === null && !statForeign(file).ok) return;
  const now = untroubled(file, readForeign(file, MAX_CAPTURED_BYTES));
  const text = now.ok ? now.value.bytes.toString('utf8') : '';
  if (text.trim() !== (alternates ?? '').trim())
    throw another(join(objects, file.path), 'names other object stores than when the task was submitted');
}

/** The whole folder, or only what makes it a repository. */
function gone(root: string, path: string): RasenError {
  if (path !== root)
    return new RasenError('not_git', `${root} is in no git repository any more: ${path} is not there`, {
      hint: 'Put it back where it was when the task was submitted.',
      data: { path },
    });
  return new RasenError('not_git', `${root} is not there any more: it was moved, renamed or removed`, {
    hint: 'Move it back, then resume the task.',
    data: { path, moved: true },
  });
}

function another(path: string, problem: string): RasenError {
  return new RasenError('git', `${path} ${problem}`, {
    hint: 'If you changed the repository so on purpose, submit the task again.',
    data: { path },
  });
}

/** The configuration of our git directory: what was captured, and nothing of the user's home. */
export function configText(
  { config, sparse }: Pick<CapturedRepository, 'config' | 'sparse'>,
  attributes: string,
): string {
  const lines = configLines(config, { sparse: sparse !== null });
  // Without the first two git reads files in the user's home.
  lines.push('[core]', '\texcludesfile = /dev/null', `\tattributesfile = "${escaped(attributes)}"`);
  return `${[...lines, ...CARRYING].join('\n')}\n`;
}

async function link(path: string, target: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() && readlinkSync(path) === target) return;
  await rm(path, { recursive: true, force: true });
  await symlink(target, path);
}

async function put(path: string, text: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() && readFileSync(path, 'utf8') === text) return;
  if (found && !found.isFile()) await rm(path, { recursive: true, force: true });
  await writeDurably(path, text);
}

/** Hooks, a `config.worktree`, a `commondir`: what is not ours goes. */
async function nothingElse(own: string, ours: ReadonlySet<string>): Promise<void> {
  for (const name of readdirSync(join(own, 'info')))
    if (!ours.has(`info/${name}`)) await rm(join(own, 'info', name), { recursive: true, force: true });
  for (const name of readdirSync(own)) {
    if (ours.has(name) || /^(?:info|logs|index.*|rasen-.*|ORIG_HEAD|[A-Z_]+_HEAD|.*\.lock)$/.test(name))
      continue;
    await rm(join(own, name), { recursive: true, force: true });
  }
}
