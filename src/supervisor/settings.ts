/** The supervisor's own settings: rasend.yml in the instance's folder. All of them optional. */
import { statSync } from 'node:fs';
import { asMap, field, refuseUnknown } from '../config/fields.ts';
import { found } from '../config/node.ts';
import { Problems } from '../config/problems.ts';
import { readText } from '../config/read-text.ts';
import { bool, duration, int, oneOf, size, type ValueType } from '../config/types.ts';
import { parseYaml } from '../config/yaml.ts';
import { RasenError } from '../contract/errors.ts';
import type { LogLevel } from '../log.ts';
import { LOG_MODES, type LogMode } from '../service/runtime/log-stream.ts';

export const CAGE_MODES = ['auto', 'unit', 'group'] as const;
export type CageMode = (typeof CAGE_MODES)[number];

export const SANDBOX_SETTINGS = ['on', 'off'] as const;
export type SandboxSetting = (typeof SANDBOX_SETTINGS)[number];

export interface Settings {
  /** Attempts and gates alive at once, over all tasks. */
  max_live_jobs: number;
  /** Tasks of a group at a time, by its name; one where nothing is said. */
  groups: Readonly<Record<string, number>>;
  /** Free space and free inodes under which nothing new is started. */
  disk_min_bytes: number;
  disk_min_inodes: number;
  log_level: LogLevel;
  log: LogMode;
  /** How the processes of an attempt are held together. */
  cage: CageMode;
  /** off: no program is put into a sandbox, whatever its task says. */
  sandbox: SandboxSetting;
  /** The machine does not fall asleep by itself while attempts run. */
  keep_awake: boolean;
  /** How long a task is over before it becomes one file. */
  pack_after_seconds: number;
  /** Age at which what ended is removed by itself; 0: never. */
  gc_after_seconds: number;
  /** Disk space that what ended may take; beyond, the oldest goes. 0: any. */
  gc_size_bytes: number;
}

interface SettingRow {
  default: string | number | boolean;
  /** Takes effect on SIGHUP, not only at the next start. */
  live: boolean;
  about: string;
}

export const SETTINGS = {
  max_live_jobs: {
    default: 100,
    live: true,
    about: 'Attempts and gates that may be alive at once, over all tasks.',
  },
  groups: {
    default: '{}',
    live: true,
    about:
      'Tasks of a group (rasen run --group) that may be under way at a time, by its name, such as {build: 2, gpu: 1}. One, where a group is not named.',
  },
  disk_min: {
    default: '256mb',
    live: true,
    about:
      'Free space of the state folder under which nothing new is started. Also of the disks of a task (project, worktrees, temporary files), but never more than a tenth of one.',
  },
  disk_min_inodes: {
    default: 1000,
    live: true,
    about:
      'Free inodes of each of these disks under which nothing new is started, but never more than a fiftieth of what one has.',
  },
  log_level: { default: 'info', live: true, about: 'What the supervisor logs: debug, info, warn or error.' },
  log: {
    default: 'auto',
    live: false,
    about:
      'Where the supervisor logs to, see LOG: journal, stderr, file, rolling, or auto, which is the journal under systemd and rolling files elsewhere.',
  },
  cage: {
    default: 'auto',
    live: false,
    about:
      "How the processes of an attempt are held together: unit, a transient unit of the user's systemd; group, a process group; or auto, which is a unit wherever that systemd answers. The variable RASEN_CAGE, when set, is used instead.",
  },
  sandbox: {
    default: 'on',
    live: false,
    about:
      'off: no program is put into a sandbox, whatever its task says; one that requires it is not started. The variable RASEN_SANDBOX, when set, is used instead.',
  },
  keep_awake: {
    default: true,
    live: true,
    about:
      'Keep the machine from falling asleep by itself while attempts run: by systemd-inhibit where logind answers, by caffeinate on macOS. A closed lid is stronger.',
  },
  pack_after: {
    default: '1m',
    live: true,
    about:
      'How long after its end a task becomes one compressed file, with its journal, its attempts and their output. Every command works on it as before.',
  },
  gc_after: {
    default: '90d',
    live: true,
    about:
      'Age at which a task that ended is removed by itself, as by rasen gc. What has a worktree that was never merged is kept, and so is what cannot be read. 0: never.',
  },
  gc_size: {
    default: '1gb',
    live: true,
    about:
      'Disk space that the tasks which ended may take; beyond it the oldest are removed by themselves, with the same exceptions. 0: without limit.',
  },
} as const satisfies Record<string, SettingRow>;

const DEFAULTS: Settings = {
  max_live_jobs: 100,
  groups: {},
  disk_min_bytes: 256 * 1024 * 1024,
  disk_min_inodes: 1000,
  log_level: 'info',
  log: 'auto',
  cage: 'auto',
  sandbox: 'on',
  keep_awake: true,
  pack_after_seconds: 60,
  gc_after_seconds: 90 * 86_400,
  gc_size_bytes: 1024 ** 3,
};

const PLACES = int(1, 10_000);

/** So many for each name. */
const places: ValueType<Record<string, number>> = {
  wanted: 'a map of names and numbers',
  schema: { type: 'object', additionalProperties: PLACES.schema },
  read(node, report) {
    if (node.kind !== 'map') {
      report(node, `found ${found(node)}, wanted ${places.wanted}`);
      return undefined;
    }
    const read = [...node.entries].map(([name, { value }]) => {
      const number = PLACES.read(value, (at, message, meant) => report(at, message, meant, `.${name}`));
      return [name, number ?? 0] as const;
    });
    return Object.fromEntries(read);
  },
};

/**
 * What the supervisor starts with. A wrong file keeps it from starting, as its user will see at once. Something that is
 * no file at all is not a setting of anybody's, and keeps no task waiting: then all settings are as if there were none.
 */
export function startSettings(
  path: string,
  env: NodeJS.ProcessEnv = process.env,
): { settings: Settings; problem: string | null } {
  const there = statSync(path, { throwIfNoEntry: false });
  const odd = there !== undefined && !there.isFile();
  const problem = odd ? `${path} is not a regular file; all settings have their defaults` : null;
  return { settings: odd ? withVariables(DEFAULTS, env) : readSettings(path, env), problem };
}

/** Throws `config` with file, line and column of everything that is wrong. */
export function readSettings(path: string, env: NodeJS.ProcessEnv = process.env): Settings {
  const problems = new Problems(path);
  const text = readText(path, problems);
  const tree = text === null ? null : parseYaml(text, problems);
  const map = tree === null ? null : asMap(tree, problems, '', 'a map of settings');
  if (map) refuseUnknown(map, Object.keys(SETTINGS), problems, '');
  const settings: Settings = {
    max_live_jobs:
      (map && field(map, 'max_live_jobs', int(1, 10_000), problems, '')) ?? DEFAULTS.max_live_jobs,
    groups: (map && field(map, 'groups', places, problems, '')) ?? DEFAULTS.groups,
    disk_min_bytes:
      (map && field(map, 'disk_min', size(0, 2 ** 50), problems, '')) ?? DEFAULTS.disk_min_bytes,
    disk_min_inodes:
      (map && field(map, 'disk_min_inodes', int(0, 1_000_000_000), problems, '')) ?? DEFAULTS.disk_min_inodes,
    log_level:
      (map && field(map, 'log_level', oneOf('debug', 'info', 'warn', 'error'), problems, '')) ??
      DEFAULTS.log_level,
    log: (map && field(map, 'log', oneOf(...LOG_MODES), problems, '')) ?? DEFAULTS.log,
    cage: (map && field(map, 'cage', oneOf(...CAGE_MODES), problems, '')) ?? DEFAULTS.cage,
    sandbox: (map && field(map, 'sandbox', oneOf(...SANDBOX_SETTINGS), problems, '')) ?? DEFAULTS.sandbox,
    keep_awake: (map && field(map, 'keep_awake', bool(), problems, '')) ?? DEFAULTS.keep_awake,
    pack_after_seconds:
      (map && field(map, 'pack_after', duration(true), problems, '')) ?? DEFAULTS.pack_after_seconds,
    gc_after_seconds:
      (map && field(map, 'gc_after', duration(true), problems, '')) ?? DEFAULTS.gc_after_seconds,
    gc_size_bytes: (map && field(map, 'gc_size', size(0, 2 ** 50), problems, '')) ?? DEFAULTS.gc_size_bytes,
  };
  problems.throwIfAny('The settings of rasend: man rasend, section SETTINGS');
  return withVariables(settings, env);
}

const withVariables = (settings: Settings, env: NodeJS.ProcessEnv): Settings => ({
  ...settings,
  cage: wordOf(env, 'RASEN_CAGE', CAGE_MODES) ?? settings.cage,
  sandbox: wordOf(env, 'RASEN_SANDBOX', SANDBOX_SETTINGS) ?? settings.sandbox,
});

function wordOf<const T extends string>(env: NodeJS.ProcessEnv, name: string, words: readonly T[]): T | null {
  const word = env[name];
  if (!word) return null;
  const known = words.find(mode => mode === word);
  if (known) return known;
  throw new RasenError('config', `${name} is "${word}", wanted ${words.join(', ')}.`, {
    hint: 'Correct the variable, or unset it to use the setting in rasend.yml.',
  });
}
