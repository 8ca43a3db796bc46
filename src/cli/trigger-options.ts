/** When a trigger is due and how, as options of `rasen run` and `rasen trigger edit`. */
import type { DefinitionDraft, Policy } from '../contract/trigger.ts';
import { parseDuration } from '../util/units.ts';
import { many, type OptionSpec } from './command.ts';
import { usage } from './errors.ts';
import { wholeNumber } from './time.ts';

export interface WhenOptions {
  at?: string;
  every?: number;
  cron?: string;
  watch?: string[];
}

export interface PolicyOptions {
  tz?: string;
  ignore?: string[];
  outputs?: string[];
  debounce?: number;
  overlap?: Policy['overlap'];
  catchUp?: DefinitionDraft['policy']['catch_up'];
  maxLate?: number;
  jitter?: number;
  until?: string;
  maxRuns?: number;
  pauseAfter?: number | null;
  keep?: number;
  notify?: string;
  expectWithin?: number | null;
}

/** A duration, in seconds. */
export function seconds(name: string): (text: string) => number {
  return text => {
    const value = parseDuration(text);
    if (value === null) throw usage(`${name}: "${text}" is not a duration.`, 'Write 90s, 10m, 1h30m or 2d.');
    return value;
  };
}

/** null: `never`. */
const orNever =
  <T>(parse: (text: string) => T) =>
  (text: string): T | null =>
    text === 'never' ? null : parse(text);

export const WHEN_OPTIONS: readonly OptionSpec[] = [
  { flags: '--at <time>', about: 'run it once at this time: 02:00, "2026-12-24 18:00", or 90m from now on' },
  {
    flags: '--every <duration>',
    about: 'run it now and each time that this has passed: 30s, 5m, 1h',
    parse: seconds('--every'),
  },
  {
    flags: '--cron <expression>',
    about: 'run it at these times: "0 2 * * 1-5" is 02:00 from Monday to Friday',
  },
  {
    flags: '--watch <pattern>',
    about: "run it now and when files are changed: 'src/**', '*.ts'; may be repeated",
    parse: many,
  },
];

export const POLICY_OPTIONS: readonly OptionSpec[] = [
  { flags: '--tz <zone>', about: 'time zone of --at and --cron (default: that of the machine)' },
  {
    flags: '--ignore <pattern>',
    about: 'with --watch: files that do not count; may be repeated',
    parse: many,
  },
  {
    flags: '--outputs <pattern>',
    about: 'with --watch: files that runs write, which start no run; may be repeated',
    parse: many,
  },
  {
    flags: '--debounce <duration>',
    about: 'with --watch: quiet time after the last change (default: 0.5s)',
    parse: seconds('--debounce'),
  },
  {
    flags: '--overlap <what>',
    about: 'when it is due while a run goes on (default: skip; with --watch: queue)',
    choices: ['skip', 'queue', 'replace', 'parallel'],
  },
  {
    flags: '--catch-up <what>',
    about: 'times that were missed: run once for all of them (default), none, or all',
    choices: ['one', 'none', 'all'],
  },
  {
    flags: '--max-late <duration>',
    about: 'start no run that is later than this (default: 24h)',
    parse: seconds('--max-late'),
  },
  { flags: '--jitter <duration>', about: 'start each run later by up to this', parse: seconds('--jitter') },
  { flags: '--until <time>', about: 'start no run after this time' },
  { flags: '--max-runs <n>', about: 'end after so many runs', parse: wholeNumber('--max-runs', 1) },
  {
    flags: '--pause-after <n>',
    about: 'pause after so many failures in a row (default: 5), or never',
    parse: orNever(wholeNumber('--pause-after', 1)),
  },
  { flags: '--keep <n>', about: 'finished runs that are kept (default: 20)', parse: wholeNumber('--keep') },
  {
    flags: '--notify <when>',
    about: 'which ends of runs are told: all, failures, or when the result changes (default)',
    choices: ['always', 'failure', 'on-change'],
  },
  {
    flags: '--expect-within <duration>',
    about: 'tell when no run has succeeded for so long, or never',
    parse: orNever(seconds('--expect-within')),
  },
];

type When = DefinitionDraft['when'];
const WHENS = ['at', 'every', 'cron', 'watch'] as const;
const OF_WATCH = ['ignore', 'outputs', 'debounce'] as const;
/** Names of options that are policies, for messages. */
const POLICIES = [
  ...(['tz', ...OF_WATCH, 'overlap', 'catchUp', 'maxLate', 'jitter', 'until', 'maxRuns'] as const),
  ...(['pauseAfter', 'keep', 'notify', 'expectWithin'] as const),
];

const flag = (name: string) => `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;

/** Whether a trigger is wanted. Throws `usage` for a policy without one, and for two times. */
export function wantsTrigger(options: WhenOptions & PolicyOptions): boolean {
  const given = WHENS.filter(name => options[name] !== undefined);
  if (given.length > 1) throw usage(`${given.map(flag).join(' and ')} exclude each other.`);
  const policy = POLICIES.find(name => options[name] !== undefined);
  if (given.length === 0 && policy !== undefined)
    throw usage(`${flag(policy)} is for triggers.`, `Say when it is due, too: ${WHENS.map(flag).join(', ')}`);
  return given.length > 0;
}

/** null: nothing is said of it. `before`: of the trigger that is changed. */
export function whenOf(options: WhenOptions & PolicyOptions, before: When | null = null): When | null {
  const watch = options.watch ?? (before?.kind === 'watch' ? before.patterns : undefined);
  const odd = OF_WATCH.find(name => options[name] !== undefined);
  if (odd !== undefined && ((watch === undefined || options.at) ?? options.every ?? options.cron))
    throw usage(`${flag(odd)} is for --watch.`);
  if (options.at !== undefined) return { kind: 'at', at: options.at };
  if (options.every !== undefined) return { kind: 'every', every_seconds: options.every, from: null };
  if (options.cron !== undefined) return { kind: 'cron', cron: options.cron };
  if (options.watch === undefined && odd === undefined) return null;
  const known = before?.kind === 'watch' ? before : { ignore: [], outputs: [], debounce_ms: 500 };
  return {
    kind: 'watch',
    patterns: watch!,
    ignore: options.ignore ?? known.ignore,
    outputs: options.outputs ?? known.outputs,
    debounce_ms: options.debounce === undefined ? known.debounce_ms : Math.round(options.debounce * 1000),
  };
}

/** What the options say of the policy. */
export function policyOf(options: PolicyOptions): Partial<DefinitionDraft['policy']> {
  const { tz, overlap, catchUp, maxLate, jitter, until, maxRuns, pauseAfter, keep, notify, expectWithin } =
    options;
  const said = {
    tz,
    overlap,
    catch_up: catchUp,
    max_late_seconds: maxLate,
    jitter_seconds: jitter,
    until,
    max_runs: maxRuns,
    pause_after: pauseAfter,
    keep,
    notify: notify?.replace('-', '_') as DefinitionDraft['policy']['notify'] | undefined,
    expect_within_seconds: expectWithin,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}
