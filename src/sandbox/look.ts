/**
 * From what a task may have to the rules of its sandbox: names become physical paths, what is not there is left out, and
 * what has to be there for its program to work is made.
 */
import { lstat, mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { AgentFolder } from '../agents/folders.ts';
import { isBelow } from '../host/below.ts';
import { DOOR } from '../host/sandbox-door.ts';
import { CACHES, SECRET, SECRET_OF_SYSTEM } from './home.ts';
import { arranged, type Rule, type Wish } from './rules.ts';

export interface Wanted {
  /** Of the program, before it is changed: HOME, PATH, where caches are. */
  env: Readonly<Record<string, string>>;
  /** Where it works, and whether it only looks. */
  workspace: { path: string; access: 'read' | 'write' };
  /** Nobody opens these: the state and the sockets of rasen. */
  closed: readonly string[];
  /** What the work needs of what is closed or hidden. */
  needed: readonly { path: string; access: 'read' | 'write' }[];
  /** The user's repository, other tasks, files of secrets. */
  hidden: readonly string[];
  /** What its agent has in the home, made where it is `known` to need it, and what the others have. */
  agent: { own: readonly AgentFolder[]; others: readonly AgentFolder[]; known: boolean };
  /** Words of its command line that may name files. */
  command: readonly string[];
  /** Of the user; relative to `project`, or from the home. */
  write: readonly string[];
  read: readonly string[];
  project: string;
  /** Folder for temporary files. */
  tmp: string;
  /** It is seen as /tmp. */
  own_tmp: boolean;
  /** Folder of the socket on which its program can hand work over; null: it has none. */
  door: string | null;
}

/** Folders where sockets and temporary files of everybody are. */
const TMP = ['/tmp', '/var/tmp'];
const RUN = '/run';
/** What is read there by programs that know nothing of it. */
const OF_RUN = ['current-system', 'booted-system', 'opengl-driver'].map(name => join(RUN, name));

export async function rulesFor(wanted: Wanted): Promise<Rule[]> {
  const { env } = wanted;
  const home = env.HOME && isAbsolute(env.HOME) ? env.HOME : '/nonexistent';
  const at_home = (path: string) => resolve(home, path);
  const of_user = (path: string) =>
    path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : resolve(wanted.project, path);
  const place = ({ path, variable }: AgentFolder) => {
    const moved = variable === undefined ? undefined : env[variable];
    return moved && isAbsolute(moved) ? moved : at_home(path);
  };
  const { own, others, known } = wanted.agent;
  // Whoever has no home gets none.
  if ((await stat(home).catch(() => null))?.isDirectory()) {
    await makeMissing(own, place, known);
    await makeCaches(home, env);
  }

  const wishes: Wish[] = [
    ...(await system(wanted)),
    ...all('read', [home]),
    ...all('hidden', [...SECRET.map(at_home), ...SECRET_OF_SYSTEM]),
    ...all('write', cachesOf(home, env)),
    ...all('hidden', others.map(place)),
    ...all(
      'hidden',
      wanted.hidden.filter(path => !isBelow(path, home)),
    ),
    ...own.flatMap(folder => [
      { path: place(folder), access: folder.written ? ('write' as const) : ('read' as const) },
      ...all(
        'read',
        Object.keys(folder.kept ?? {}).map(name => join(place(folder), name)),
      ),
    ]),
    ...all('read', await filesAmong(wanted.command)),
    ...all('read', wanted.read.map(of_user)),
    ...all('write', wanted.write.map(of_user)),
    ...all('hidden', wanted.closed, true),
    { ...wanted.workspace, firm: true },
    ...wanted.needed.map(need => ({ ...need, firm: true })),
    ...(wanted.door === null ? [] : [{ path: DOOR, from: wanted.door, access: 'read' as const, firm: true }]),
  ];
  const found = await Promise.all(wishes.map(lookAt));
  return arranged(found.filter(rule => rule !== null));
}

const all = (access: Wish['access'], paths: readonly string[], firm = false): Wish[] =>
  paths.map(path => ({ path, access, firm }));

/** null: it is not there. */
async function lookAt(wish: Wish): Promise<Rule | null> {
  try {
    // What is shown at another place has that place's name, whatever is there.
    const path = wish.from === undefined ? await realpath(wish.path) : wish.path;
    return { ...wish, path, is_folder: (await stat(wish.from ?? path)).isDirectory() };
  } catch {
    return null;
  }
}

/**
 * What is everybody's is hidden, but for what a name on PATH, or of a name server, leads to, and what is beside a project
 * or a home that lies there: as beside any other.
 */
async function system({ env, project, tmp, own_tmp }: Wanted): Promise<Wish[]> {
  if (!own_tmp) return all('write', [tmp]);
  const shown: Wish[] = TMP.map(path => ({ path, from: tmp, access: 'write' }));
  const common = [RUN, ...TMP];
  for (const path of [project, env.HOME ?? '/'])
    for (const folder of TMP.filter(around => path !== around && isBelow(around, path))) {
      const beside = join(folder, relative(folder, path).split(sep)[0]!);
      shown.push({ path: beside, from: beside, access: 'read' });
    }
  const on_path = (env.PATH ?? '').split(':').filter(path => common.some(folder => isBelow(folder, path)));
  const names = on_path.map(entry =>
    basename(entry) === 'bin' && !common.includes(dirname(entry)) ? dirname(entry) : entry,
  );
  for (const path of [...OF_RUN, ...names]) {
    // Most are links, some of them made anew for each shell (fnm).
    const real = await realpath(path).catch(() => null);
    if (real !== null && !common.includes(path)) shown.push({ path, from: real, access: 'read' });
  }
  return [...all('hidden', [RUN]), ...all('read', ['/etc/resolv.conf']), ...shown];
}

async function filesAmong(words: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    words
      .filter(isAbsolute)
      .map(async path => ((await stat(path).catch(() => null))?.isFile() ? path : null)),
  );
  return found.filter(path => path !== null);
}

function cachesOf(home: string, env: Readonly<Record<string, string>>): string[] {
  return CACHES.flatMap(({ folders, variables = [] }) => [
    ...folders.map(path => join(home, path)),
    ...variables.flatMap(({ name, in: parts }) => {
      const folder = env[name];
      if (!folder || !isAbsolute(folder)) return [];
      return parts?.map(part => join(folder, part)) ?? [folder];
    }),
  ]);
}

/** Without its cache a package manager would fail, since the home cannot be written. */
async function makeCaches(home: string, env: Readonly<Record<string, string>>): Promise<void> {
  const mac = process.platform === 'darwin';
  for (const { programs, folders } of CACHES) {
    const missing = folders.filter(path => mac || !path.startsWith('Library/')).map(path => join(home, path));
    const there = await Promise.all(missing.map(path => lstat(path).catch(() => null)));
    if (there.every(stat => stat !== null) || !(await isOnPath(programs, env.PATH ?? ''))) continue;
    await Promise.all(missing.map(path => mkdir(path, { recursive: true, mode: 0o700 }).catch(() => null)));
  }
}

async function isOnPath(programs: readonly string[], path: string): Promise<boolean> {
  const files = path.split(':').flatMap(folder => programs.map(program => join(folder, program)));
  return (await Promise.all(files.map(file => stat(file).catch(() => null)))).some(stat => stat?.isFile());
}

async function makeMissing(
  own: readonly AgentFolder[],
  place: (folder: AgentFolder) => string,
  known: boolean,
): Promise<void> {
  for (const folder of own) {
    if (!folder.written && !folder.kept) continue;
    const path = place(folder);
    if (known) await mkdir(path, { recursive: true, mode: 0o700 }).catch(() => null);
    for (const [name, text] of Object.entries(folder.kept ?? {}))
      if (text !== null)
        await writeFile(join(path, name), text, { flag: 'wx', mode: 0o600 }).catch(() => null);
  }
}
