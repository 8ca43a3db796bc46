/**
 * Every command that the source prints for a person to type: it is one, with flags that it has, and it names its task. Where
 * a hint is printed nobody knows in which folder it will be typed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.ts';

const root = join(import.meta.dirname, '../../..');
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'src/*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n');

/** What tells of commands in general, and is not to be typed where it is read. */
const DOCUMENTATION = /^src\/(?:config\/keys-|cli\/completion-script|agents\/(?:prompt|default-prompts))/;
const TELLS = /^\s*(?:\/?\*|\/\/)|\b(?:summary|about|command): ['`"]|\.describe\(/;
const TOLD: Readonly<Record<string, string>> = {
  'src/supervisor/main.ts': 'what rasend is',
  'src/contract/spec.ts': 'what a setting means',
  'src/cli/commands/run.ts': 'what fits in place of an option, in the folder of a project',
  'src/cli/link.ts': 'what starts a supervisor',
  'src/service/pick.ts': 'what starts a supervisor',
};

interface Hint {
  place: string;
  verb: string;
  words: string;
}

function hintsIn(file: string): Hint[] {
  let details = false;
  return readFileSync(join(root, file), 'utf8')
    .split('\n')
    .flatMap((line, i) => {
      if (/^\s*details: \[/.test(line)) details = true;
      const skipped = details || TELLS.test(line);
      if (details && /\],\s*$/.test(line)) details = false;
      if (skipped) return [];
      const found = line.matchAll(
        /\brasen ([a-z]+)((?: (?:--?[a-zA-Z][\w-]*|\$\{[^}]+\}|"[^"]*"|[\w./…]+))*)/g,
      );
      return [...found].map(([, verb, words]) => ({ place: `${file}:${i + 1}`, verb: verb!, words: words! }));
    });
}

const hints = files.filter(file => !DOCUMENTATION.test(file)).flatMap(hintsIn);
const commandOf = ({ verb, words }: Hint) =>
  COMMANDS.find(({ name }) => name === `${verb}${words.match(/^ [a-z]+/)?.[0] ?? ''}`) ??
  COMMANDS.find(({ name }) => name === verb);
/** `rasen keeps to itself`: a sentence about rasen. A word after it that is a command is taken for one. */
const verbs = new Set(COMMANDS.map(({ name }) => name.split(' ')[0]));
const typed = hints.filter(({ verb }) => verbs.has(verb));

test('hints are found at all', () => {
  expect(typed.length).toBeGreaterThan(60);
});

test('each is a command, with flags that it has', () => {
  const wrong = typed.filter(hint => {
    const command = commandOf(hint);
    if (!command) return !(hint.verb in { service: 1, plan: 1, config: 1 });
    const flags = command.options.flatMap(({ flags }) => flags.split(/[ ,]+/)).concat('--');
    return [...hint.words.matchAll(/ (--?[\w-]*)/g)].some(([, flag]) => !flags.includes(flag!));
  });
  expect(wrong).toEqual([]);
});

test('each that is about a task names it', () => {
  const wrong = typed.filter(hint => {
    const command = commandOf(hint);
    const takes = command?.arguments?.[0]?.name === 'id';
    const by_flag = command?.options.some(({ flags }) => flags.startsWith('--task <id>'));
    if (!takes && !by_flag) return false;
    const names = by_flag ? / --task \$\{/ : /\$\{/;
    return !names.test(hint.words) && !(hint.place.split(':')[0]! in TOLD);
  });
  expect(wrong).toEqual([]);
});
