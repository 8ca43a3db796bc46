/**
 * Makefiles: what the targets that check mean, with all that they need and the variables that are used on the way. Not all
 * of make is understood; what is not is compared as text, so that it is seen. Pure.
 */

const CHECK =
  /^(?:all|default|\.default_goal|(?:.*[-_.:])?(?:tests?|check|lint|verify|validate|ci|build|compile|typecheck|types|unit|integration|e2e|fmt|format|vet|coverage|pytest)(?:[-_.:].*)?)$/i;
/** Lists of files may grow. */
const FILE = /^[\w./%$(){}-]+\.(?:c|cc|cpp|cxx|h|hpp|o|s|S|py|sh|[cm]?[jt]sx?|go|rs|rb|java|md|proto|sql)$/;
/** Hold for every recipe. */
const GLOBAL = /^(?:SHELL|\.SHELLFLAGS|MAKEFLAGS|MAKE|PATH|\.ONESHELL|\.IGNORE|\.SILENT|\.DELETE_ON_ERROR)$/;

const VARIABLE = /^(?:export\s+|override\s+)*([\w.-]+)\s*(\+|[?!]|:{0,3})=\s*(.*)$/;
const RULE = /^([^:=]+)::?(?!=)(.*)$/;
const SPECIAL = ['.IGNORE', '.SILENT', '.ONESHELL', '.DEFAULT'];

interface Rule {
  names: string[];
  needs: string;
  recipe: string;
}

interface Makefile {
  targets: Map<string, Omit<Rule, 'names'>>;
  variables: Map<string, string>;
  /** include, define, vpath, conditions, and what is not understood. */
  others: string[];
}

export function makefileFindings(
  before: string,
  after: string,
  gates: readonly (readonly string[])[],
): string[] {
  const [was, is] = [parse(before), parse(after)];
  const called = gates.flatMap(([program = '', ...words]) =>
    /(?:^|\/)g?make$/.test(program) ? words.filter(word => !/^-|=/.test(word)) : [],
  );
  const targets = [...was.targets.keys()].filter(name => CHECK.test(name) || called.includes(name));
  const variables = used(was, targets).filter(name => !GLOBAL.test(name) && !isGrown(was, is, name));
  const globals = [...new Set([...was.variables.keys(), ...is.variables.keys()])].filter(
    name => GLOBAL.test(name) && was.variables.get(name) !== is.variables.get(name),
  );
  const specials = SPECIAL.filter(name => is.targets.has(name) && textOf(was, name) !== textOf(is, name));
  const lines = is.others.filter(
    line => !was.others.includes(line) && /^(?:-?s?include|override|define)\b/.test(line),
  );
  return [
    ...targets
      .filter(name => meaning(was, name) !== meaning(is, name))
      .map(name => `what the target "${name}" does was changed`),
    ...globals.map(name => `${name} was changed`),
    ...specials.map(name => `${name} was changed`),
    ...variables.map(name => `${name}, which a check uses, was changed`),
    ...lines.map(line => `"${line.slice(0, 60)}" was added`),
  ];
}

/**
 * The Makefile of before, with what a change may add: files in its lists, and targets that nothing in it was waiting for. All
 * else is as it was, whether it is understood here or not. The same text as `after` where that adds no more than this.
 */
export function mergedMakefile(before: string, after: string): string {
  const [was, is] = [parse(before), parse(after)];
  const assigned = (text: string, name: string) =>
    logicalLines(text).filter(line => VARIABLE.exec(line)?.[1] === name);
  const grownLine = (line: string): string => {
    if (line.startsWith('\t')) return line;
    const variable = VARIABLE.exec(line);
    if (variable) {
      const [, name = '', sign] = variable;
      const [now, ...others] = assigned(after, name);
      const isOnce = now !== undefined && others.length === 0 && assigned(before, name).length === 1;
      return isOnce && VARIABLE.exec(now)?.[2] === sign && isGrown(was, is, name) ? now : line;
    }
    const target = RULE.exec(line)?.[1]?.trim() ?? '';
    const [old, now] = [was.targets.get(target), is.targets.get(target)];
    if (!old || !now || /[;#]/.test(line)) return line;
    const more = words(now.needs).filter(word => !words(old.needs).includes(word));
    const isGrowth = target === '.PHONY' || more.every(word => FILE.test(word));
    return more.length > 0 && isGrowth ? `${line} ${more.join(' ')}` : line;
  };
  const awaited = new Set([...was.targets.values()].flatMap(({ needs }) => words(needs)));
  const isFree = (name: string) => !was.targets.has(name) && !awaited.has(name) && /^[^.%][^%$]*$/.test(name);
  const rules = [...is.targets].flatMap(([name, { needs, recipe }]) =>
    isFree(name) ? [`\n${name}: ${needs}\n${recipe.replaceAll(/^(?=.)/gm, '\t')}`] : [],
  );
  const merged = `${logicalLines(before).map(grownLine).join('\n').trimEnd()}\n${rules.join('')}`;
  return plainOf(parse(merged)) === plainOf(is) ? after : merged;
}

/**
 * What stands for a target: the recipes that making it runs, its needs, and whether it has a rule of its own. '' is the first
 * target.
 */
export function recipesOf(
  text: string,
  target: string,
): { recipes: string[]; needs: string[]; own: boolean } {
  const file = parse(text);
  const name = target === '' ? ([...file.targets.keys()].find(key => !key.startsWith('.')) ?? '') : target;
  const seen = new Set<string>();
  const recipes: string[] = [];
  const visit = (each: string) => {
    const found = file.targets.get(each);
    if (!found || seen.has(each)) return;
    seen.add(each);
    for (const need of words(found.needs)) visit(need);
    recipes.push(expanded(file, found.recipe));
  };
  visit(name);
  return { recipes, needs: words(file.targets.get(name)?.needs ?? ''), own: file.targets.has(name) };
}

/** Variables by what they stand for, once. */
const expanded = ({ variables }: Makefile, recipe: string): string =>
  recipe.replaceAll(/\$[({]([\w.-]+)[)}]/g, (all, name: string) => variables.get(name) ?? all);

const plainOf = ({ targets, variables, others }: Makefile): string =>
  JSON.stringify([
    [...targets].map(([name, { needs, recipe }]) => [name, words(needs).toSorted(), recipe]).toSorted(),
    [...variables].toSorted(),
    others,
  ]);

const words = (text: string) => text.split(/\s+/).filter(word => word !== '');

function textOf({ targets }: Makefile, name: string): string | null {
  const target = targets.get(name);
  return target ? `${target.needs}\n${target.recipe}` : null;
}

/** Lines, those that go on behind a backslash as one. */
const logicalLines = (text: string) => text.replaceAll(/\\\r?\n\s*/g, ' ').split(/\r?\n/);

function parse(text: string): Makefile {
  const variables = new Map<string, string>();
  const others: string[] = [];
  const rules: Rule[] = [];
  let open: Rule | null = null;
  for (const line of logicalLines(text)) {
    if (line.startsWith('\t')) {
      if (open) open.recipe += `${line.trim()}\n`;
      continue;
    }
    const plain = line.replace(/(?:^|\s)#.*$/, '').trim();
    if (plain === '') continue;
    open = null;
    const variable = VARIABLE.exec(plain);
    const rule = variable ? null : RULE.exec(plain);
    if (variable) {
      const [, name, sign, value] = variable as unknown as [string, string, string, string];
      const earlier = variables.get(name);
      if (sign !== '?' || earlier === undefined)
        variables.set(name, sign === '+' && earlier !== undefined ? `${earlier} ${value}` : value);
      if (/^override\s/.test(plain)) others.push(plain);
    } else if (rule) {
      const [needs = '', inline = ''] = rule[2]!.split(/;(.*)/s);
      const names = rule[1]!.trim().split(/\s+/);
      open = { names, needs: needs.trim(), recipe: inline.trim() === '' ? '' : `${inline.trim()}\n` };
      rules.push(open);
    } else others.push(plain);
  }
  const targets: Makefile['targets'] = new Map();
  for (const { names, needs, recipe } of rules)
    for (const name of names) {
      const earlier = targets.get(name);
      const all = [earlier?.needs ?? '', needs].filter(part => part !== '').join(' ');
      // Of two rules with a recipe the later one holds.
      targets.set(name, { needs: all, recipe: recipe || (earlier?.recipe ?? '') });
    }
  return { targets, variables, others };
}

/** Recipe and needs of a target and of all that it needs, once each. */
function meaning(file: Makefile, name: string, seen = new Set<string>()): string {
  const target = file.targets.get(name);
  if (!target || seen.has(name)) return '';
  seen.add(name);
  const needs = target.needs.split(/\s+/).filter(word => word !== '' && word !== '|');
  const inner = needs.filter(word => file.targets.has(word) || !FILE.test(word));
  return [name, ...inner, target.recipe, ...needs.map(word => meaning(file, word, seen))].join('\n');
}

/** Variables that the targets use, and those that these use. */
function used(file: Makefile, targets: readonly string[]): string[] {
  const found = new Set<string>();
  const look = (text: string) => {
    for (const [, name] of text.matchAll(/\$[({]([\w.-]+)[)}:]/g)) {
      if (found.has(name!) || !file.variables.has(name!)) continue;
      found.add(name!);
      look(file.variables.get(name!)!);
    }
  };
  for (const name of targets) look(meaning(file, name));
  return [...found];
}

/** Not changed, or a list of files that has more of them now. */
function isGrown(was: Makefile, is: Makefile, name: string): boolean {
  const before = words(was.variables.get(name) ?? '');
  const rest = words(is.variables.get(name) ?? '');
  for (const word of before) {
    const index = rest.indexOf(word);
    if (index < 0) return false;
    rest.splice(index, 1);
  }
  return rest.length === 0 || (before.some(word => FILE.test(word)) && rest.every(word => FILE.test(word)));
}
