/** Completion scripts for shells, made from the table of commands. Pure; packaging and `rasen completion` use it. */
import type { AnyCommand } from './command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly AnyCommand[]): string {
  return { bash, zsh, fish }[shell](commands);
}

interface Flag {
  /** `-n`, `--lines`. */
  names: string[];
  value: boolean;
  choices: readonly string[];
  about: string;
  /** Its value is a task. */
  task: boolean;
}

function flagsOf(command: AnyCommand): Flag[] {
  return command.options.map(({ flags, about, choices }) => ({
    names: flags.split(/[ ,]+/).filter(word => word.startsWith('-')),
    value: flags.includes('<'),
    choices: choices ?? [],
    about,
    task: flags.includes('--task <id>'),
  }));
}

const firstWords = (commands: readonly AnyCommand[]) => [
  ...new Set(commands.map(c => c.name.split(' ')[0]!)),
  'help',
];

/** The second words of `plan`, `config`; what an argument with fixed values may be for others. */
function secondWords(commands: readonly AnyCommand[], first: string): string[] {
  if (first === 'completion') return [...SHELLS];
  if (first === 'help') return firstWords(commands).filter(word => word !== 'help');
  return commands.flatMap(c => (c.name.startsWith(`${first} `) ? [c.name.split(' ')[1]!] : []));
}

/** What the scripts ask for the tasks: a word for each, and behind a tab what it is. */
const TASKS = 'rasen completion tasks 2>/dev/null';

/** The same of triggers. */
const TRIGGERS = 'rasen completion triggers 2>/dev/null';

/** Which commands take the name of a task, or of a trigger, as their first word. */
const takesTask = (c: AnyCommand) => c.arguments?.[0]?.name === 'id';
const choicesOf = (c: AnyCommand) => c.arguments?.[0]?.choices ?? [];
const takesTrigger = (c: AnyCommand) => c.name.startsWith('trigger ') && c.arguments?.[0]?.name === 'name';

function bash(commands: readonly AnyCommand[]): string {
  const flags = commands
    .map(
      c =>
        `    '${c.name}') flags='${flagsOf(c)
          .flatMap(f => f.names)
          .join(' ')}' ;;`,
    )
    .join('\n');
  const words = firstWords(commands)
    .map(first => [first, secondWords(commands, first)] as const)
    .filter(([, seconds]) => seconds.length > 0)
    .map(([first, seconds]) => `    ${first}) words='${seconds.join(' ')}' ;;`)
    .join('\n');
  const tasks = commands
    .filter(takesTask)
    .map(c => `'${c.name}'`)
    .join('|');
  const triggers = commands
    .filter(takesTrigger)
    .map(c => `'${c.name}'`)
    .join('|');
  const chosen = commands
    .filter(c => choicesOf(c).length > 0)
    .map(c => `    '${c.name}') COMPREPLY=($(compgen -W '${choicesOf(c).join(' ')}' -- "$cur")) ;;\n`)
    .join('');
  return `# bash completion for rasen; made by: rasen completion bash
_rasen() {
  local cur=\${COMP_WORDS[COMP_CWORD]} first=\${COMP_WORDS[1]} second=\${COMP_WORDS[2]} words= flags= name
  COMPREPLY=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} == -- ]]; then
      COMPREPLY=($(compgen -f -- "$cur"))
      return
    fi
  done
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${firstWords(commands).join(' ')} --help --version' -- "$cur"))
    return
  fi
  case $first in
${words}
  esac
  if [[ -n $words ]] && ((COMP_CWORD == 2)); then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  name=$first
  [[ -n $words && $first != completion && $first != help ]] && name="$first $second"
  case $name in
${flags}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags --help" -- "$cur"))
    return
  fi
  case \${COMP_WORDS[COMP_CWORD-1]} in
    --format) COMPREPLY=($(compgen -W 'json text' -- "$cur")); return ;;
    --task) COMPREPLY=($(compgen -W "$(${TASKS} | cut -f 1)" -- "$cur")); return ;;
    --config | --plan | --file | -f) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case $name in
    ${tasks})
      COMPREPLY=($(compgen -W "$(${TASKS} | cut -f 1)" -- "$cur")) ;;
${triggers === '' ? '' : `    ${triggers})\n      COMPREPLY=($(compgen -W "$(${TRIGGERS} | cut -f 1)" -- "$cur")) ;;\n`}${chosen}    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -o filenames -F _rasen rasen
`;
}

const quoteZsh = (text: string) => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&');

function zsh(commands: readonly AnyCommand[]): string {
  const specOf = (f: Flag) => {
    const value = !f.value
      ? ''
      : f.choices.length > 0
        ? `:value:(${f.choices.join(' ')})`
        : f.task
          ? ':task:_rasen_tasks'
          : ':value:_files';
    return f.names.map(name => `'${name}[${quoteZsh(f.about)}]${value}'`);
  };
  const cases = commands.map(c => {
    const words = takesTask(c)
      ? 'task:_rasen_tasks'
      : takesTrigger(c)
        ? 'trigger:_rasen_triggers'
        : choicesOf(c).length > 0
          ? `value:(${choicesOf(c).join(' ')})`
          : 'file:_files';
    const rest = `'*:${words}'`;
    return `    '${c.name}') _arguments ${[...flagsOf(c).flatMap(specOf), rest].join(' ')} ;;`;
  });
  const describe = firstWords(commands).map(first => {
    const own = commands.find(c => c.name === first || c.name.startsWith(`${first} `));
    return `    '${first}:${quoteZsh(own?.name === first ? own.summary : first === 'help' ? 'Show the help of a command' : `See: rasen ${first} --help`)}'`;
  });
  const seconds = firstWords(commands).flatMap(first => {
    const words = secondWords(commands, first);
    return words.length > 0 ? [`    ${first}) subs=(${words.join(' ')}) ;;`] : [];
  });
  return `#compdef rasen
# zsh completion for rasen; made by: rasen completion zsh
_rasen_tasks() {
  local -a tasks
  # What stands before the first colon is the word.
  tasks=(\${(f)"$(${TASKS} | sed 's/:/\\\\:/g; s/\t/:/')"})
  _describe task tasks
}
_rasen_triggers() {
  local -a triggers
  triggers=(\${(f)"$(${TRIGGERS} | sed 's/:/\\\\:/g; s/\t/:/')"})
  _describe trigger triggers
}
_rasen() {
  local -a first subs
  local name=$words[2]
  first=(
${describe.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command first
    return
  fi
  case $name in
${seconds.join('\n')}
  esac
  if ((\${#subs} > 0 && CURRENT == 3)); then
    compadd -a subs
    return
  fi
  ((\${#subs} > 0)) && [[ $name != completion && $name != help ]] && name="$name $words[3]"
  shift words
  ((CURRENT--))
  case $name in
${cases.join('\n')}
  esac
}
# In a folder of $fpath it is called; sourced, it is registered.
if [[ $funcstack[1] == _rasen ]]; then
  _rasen "$@"
else
  (($+functions[compdef])) || { autoload -Uz compinit && compinit -i -D }
  compdef _rasen rasen
fi
`;
}

const quoteFish = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(commands: readonly AnyCommand[]): string {
  const firsts = firstWords(commands).join(' ');
  const lines = ['# fish completion for rasen; made by: rasen completion fish', 'complete -c rasen -f'];
  for (const first of firstWords(commands)) {
    const own = commands.find(c => c.name === first);
    const about = own ? ` -d ${quoteFish(own.summary)}` : '';
    lines.push(`complete -c rasen -n 'not __fish_seen_subcommand_from ${firsts}' -a ${first}${about}`);
    const seconds = secondWords(commands, first);
    if (seconds.length > 0) {
      const unless = `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds.join(' ')}`;
      lines.push(`complete -c rasen -n '${unless}' -a '${seconds.join(' ')}'`);
    }
  }
  for (const command of commands) {
    const when = command.name
      .split(' ')
      .map(word => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
    for (const flag of flagsOf(command)) {
      const names = flag.names.map(name =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      const value = !flag.value
        ? ''
        : flag.choices.length > 0
          ? ` -x -a '${flag.choices.join(' ')}'`
          : flag.task
            ? ` -x -a '(${TASKS})'`
            : ' -r -F';
      lines.push(`complete -c rasen -n '${when}' ${names.join(' ')}${value} -d ${quoteFish(flag.about)}`);
    }
    if (takesTrigger(command)) lines.push(`complete -c rasen -n '${when}' -a '(${TRIGGERS})'`);
    if (choicesOf(command).length > 0)
      lines.push(`complete -c rasen -n '${when}' -a '${choicesOf(command).join(' ')}'`);
    if (takesTask(command)) lines.push(`complete -c rasen -n '${when}' -a '(${TASKS})'`);
  }
  return `${lines.join('\n')}\n`;
}
