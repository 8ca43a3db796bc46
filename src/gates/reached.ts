/**
 * Files that a gate runs by way of a script, a Makefile or a runner of the project's own: who changes one of these changes
 * what is checked. Followed from the words of the gate through what they call, as the files were before the work. What is
 * checked is called by the same files, so only what has the name or the place of a script counts. Pure, but for `read`.
 */
import { recipesOf } from './config/makefile.ts';
import { isCheckList, isCheckScript } from './run-by-gates.ts';

/** Files that are followed, and how long one may be. */
const MAX_FILES = 50;
const MAX_CHARACTERS = 64 * 1024;

const INTERPRETER =
  /^(?:(?:ba|da|z|k)?sh|node|nodejs|deno|bun|tsx|ts-node|python[\d.]*|ruby|perl|php|env|exec|time|nice|npx|sudo|command|xargs|set|then|do|if|!|\.|source)$/;
const MAKE = /^g?make$/;
const PACKAGE_MANAGER = /^(?:npm|pnpm|yarn|bun)$/;
/** The first of them that is there counts, as with GNU make. */
const MAKEFILES = ['GNUmakefile', 'makefile', 'Makefile'];
const HAS_RECIPES = /(?:^|\/)(?:GNUm|M|m)akefile$/;
const IMPORTS =
  /\b(?:from|import|require\(|import\()\s*['"](\.{1,2}\/[^'"]+)['"]|^\s*(?:\.|source)\s+["']?([\w./-]+)/gm;

/** Data by its name, where a script can have it: in quotes or as a word of a command. */
const LISTS = /(^|[\s"'`=<(])((?:\.{1,2}\/)*[\w-][\w./-]*\.(?:jsonc?|ya?ml|toml|txt|lst))(?=$|[\s"'`;|)])/gm;

interface Call {
  /** A file, or a target of make, or a script of package.json. */
  kind: 'file' | 'target' | 'script';
  name: string;
  /** A script that was reached loads it from below its own folder: it is a part of that. */
  is_part?: boolean;
}

/** What a command line of a shell runs; of its arguments nothing is known. */
export function callsOf(command: string): Call[] {
  return command.split(/[;&|()`\n{}]+/).flatMap((part): Call[] => {
    const words = part
      // What make takes off a recipe.
      .replace(/^\s*[@+-]+/, '')
      .split(/\s+/)
      .map(word => word.replaceAll(/^["']+|["']+$/g, ''))
      .filter(word => word !== '' && !/^\w+=/.test(word));
    while (words.length > 0 && INTERPRETER.test(words[0]!)) {
      words.shift();
      while (words[0]?.startsWith('-')) words.shift();
    }
    const [program, ...args] = words;
    if (program === undefined) return [];
    const plain = args.filter(word => !word.startsWith('-'));
    if (MAKE.test(program)) return (plain.length > 0 ? plain : ['']).map(name => ({ kind: 'target', name }));
    if (PACKAGE_MANAGER.test(program)) {
      const name = plain.find(word => !/^(?:run|run-script|exec)$/.test(word));
      return name ? [{ kind: 'script', name: name === 't' ? 'test' : name }] : [];
    }
    return [{ kind: 'file', name: program.replace(/^(?:\.\/)+/, '') }];
  });
}

/**
 * Paths that the gates run, besides those that their own words name.
 * @param readAll files as they were before the work, relative to where gates run; null: there is none.
 */
export async function reachedByGates(
  gates: readonly (readonly string[])[],
  readAll: (paths: readonly string[]) => Promise<(string | null)[]>,
): Promise<Set<string>> {
  const reached = new Set<string>();
  const seen = new Set<string>();
  const [scripts = null, ...makefiles] = await readAll(['package.json', ...MAKEFILES]);
  const manifest = scriptsIn(scripts);
  const makefile = makefiles.find(text => text !== null) ?? null;
  const queue = gates.flatMap(words => callsOf(words.join(' ')));
  for (let call = queue.shift(); call && seen.size < MAX_FILES; call = queue.shift()) {
    const key = `${call.kind} ${call.name}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const { name } = call;
    if (call.kind === 'script') {
      for (const script of [`pre${name}`, name, `post${name}`])
        queue.push(...callsOf(manifest[script] ?? ''));
      continue;
    }
    if (makefile !== null) {
      const { needs, recipes, own } = recipesOf(makefile, name);
      if (call.kind === 'target') {
        for (const recipe of recipes) queue.push(...callsOf(recipe));
        continue;
      }
      // What is run was made: of these.
      if (own) for (const need of needs) queue.push({ kind: 'file', name: need });
    }
    const text = HAS_RECIPES.test(name) ? null : (await readAll([name]))[0]!;
    if (text === null) continue;
    if (!isCheckScript(name) && !call.is_part && !isCheckList(name)) continue;
    reached.add(name);
    if (isCheckList(name)) continue;
    queue.push(...importsOf(name, text.slice(0, MAX_CHARACTERS)));
  }
  return reached;
}

/** What the file loads, where that is a script as well; how a language leaves an ending out is not known. */
function importsOf(path: string, text: string): Call[] {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
  const lists = [...text.matchAll(LISTS)].flatMap(([, , name]): Call[] => {
    const plain = name!.replace(/^(?:\.{1,2}\/)+/, '');
    return [plain, joined(folder, name!) ?? plain].map(name => ({ kind: 'file', name }));
  });
  const loaded = [...text.matchAll(IMPORTS)].flatMap(([, imported, sourced]): Call[] => {
    const name = imported ? joined(folder, imported) : (sourced?.replace(/^(?:\.\/)+/, '') ?? null);
    const is_part = name !== null && folder !== '' && name.startsWith(`${folder}/`);
    return name === null ? [] : [{ kind: 'file', name, is_part }];
  });
  return [...loaded, ...lists.filter(({ name }) => isCheckList(name))];
}

function joined(folder: string, path: string): string | null {
  const parts: string[] = folder === '' ? [] : folder.split('/');
  for (const part of path.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return null;
    } else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function scriptsIn(text: string | null): Record<string, string> {
  try {
    const scripts: unknown = JSON.parse(text ?? '{}').scripts;
    return Object.fromEntries(
      Object.entries(scripts ?? {}).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    );
  } catch {
    return {};
  }
}
