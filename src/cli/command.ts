/**
 * What a command of `rasen` is: one value from which the parser, the help, the man page and the completions are made.
 * The files in commands/ hold one each; nothing here runs anything.
 */
import type { Context } from './context.ts';

export interface OptionSpec {
  /** As commander writes them: `-n, --lines <n>`. */
  flags: string;
  about: string;
  choices?: readonly string[];
  /** Turns the text into the value, `before` being that of the same option earlier; throws a RasenError of kind usage. */
  parse?: (text: string, before: unknown) => unknown;
}

/** `parse` of an option that may be repeated. */
export const many = (text: string, before: unknown): string[] => [
  ...((before as string[] | undefined) ?? []),
  text,
];

export interface ArgumentSpec {
  name: string;
  about: string;
  optional?: boolean;
  /** Takes all words that are left. */
  many?: boolean;
  /** What it may be, for completions. */
  choices?: readonly string[];
}

export interface Example {
  command: string;
  about: string;
}

export interface Call<O> {
  args: string[];
  options: O;
}

export interface CommandSpec<O = Record<string, unknown>> {
  /** The word, or two words for a subcommand: `plan show`. */
  name: string;
  /** One line without a period at its end. */
  summary: string;
  /** More paragraphs for the help and the man page. */
  details?: readonly string[];
  arguments?: readonly ArgumentSpec[];
  options: readonly OptionSpec[];
  examples: readonly Example[];
  /** Exit status of every error, where the statuses of errors mean something else. */
  error_status?: number;
  /** Gives the exit status; nothing: 0. Throws RasenErrors. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a command without a status of its own returns nothing.
  run(call: Call<O>, context: Context): Promise<number | void>;
}

// biome-ignore lint/suspicious/noExplicitAny: the table holds commands with options of every type.
export type AnyCommand = CommandSpec<any>;

export function defineCommand<O = Record<never, never>>(command: CommandSpec<O & FormatOptions>): AnyCommand {
  return command;
}

export interface FormatOptions {
  format?: string;
  json?: boolean;
}

/** `--format` and its short form, on every command that answers. */
export const FORMAT: readonly OptionSpec[] = [
  { flags: '--format <format>', about: 'of the answer; default: text', choices: ['json', 'text'] },
  { flags: '--json', about: 'short for --format json' },
];

export const WAIT: OptionSpec = {
  flags: '--wait',
  about:
    'wait through usage limits, quiet hours and budgets of the day too, instead of ending with status 75',
};

export const TASK: ArgumentSpec = {
  name: 'id',
  about: 'a task: id, part of it, name, or project folder; default: the task of this project',
  optional: true,
};

export const TASKS: ArgumentSpec = {
  ...TASK,
  about: 'tasks: id, part of it, name, or project folder; default: the task of this project',
  many: true,
};

export const TASK_OPTION: OptionSpec = {
  flags: '--task <id>',
  about: 'a task other than that of this project',
};
