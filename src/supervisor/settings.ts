/** The supervisor's own settings: rasend.yml in the instance's folder. All of them optional. */
import { asMap, field, refuseUnknown } from '../config/fields.ts';
import { Problems } from '../config/problems.ts';
import { readText } from '../config/read-text.ts';
import { int, oneOf, size } from '../config/types.ts';
import { parseYaml } from '../config/yaml.ts';

export interface Settings {
  /** Attempts and gates alive at once, over all tasks. */
  max_live_jobs: number;
  /** Free space under which nothing new is started. */
  disk_min_bytes: number;
  log_level: 'debug' | 'info' | 'warn' | 'error';
}

export const SETTINGS = {
  max_live_jobs: { default: 100, about: 'Attempts and gates that may be alive at once, over all tasks.' },
  disk_min: { default: '256mb', about: 'Free space of the state folder under which nothing new is started.' },
  log_level: { default: 'info', about: 'What the supervisor logs: debug, info, warn or error.' },
} as const;

const DEFAULTS: Settings = { max_live_jobs: 100, disk_min_bytes: 256 * 1024 * 1024, log_level: 'info' };

/** Throws `config` with file, line and column of everything that is wrong. */
export function readSettings(path: string): Settings {
  const problems = new Problems(path);
  const text = readText(path, problems);
  const tree = text === null ? null : parseYaml(text, problems);
  const map = tree === null ? null : asMap(tree, problems, '', 'a map of settings');
  if (map) refuseUnknown(map, Object.keys(SETTINGS), problems, '');
  const settings: Settings = {
    max_live_jobs:
      (map && field(map, 'max_live_jobs', int(1, 10_000), problems, '')) ?? DEFAULTS.max_live_jobs,
    disk_min_bytes:
      (map && field(map, 'disk_min', size(0, 2 ** 50), problems, '')) ?? DEFAULTS.disk_min_bytes,
    log_level:
      (map && field(map, 'log_level', oneOf('debug', 'info', 'warn', 'error'), problems, '')) ??
      DEFAULTS.log_level,
  };
  problems.throwIfAny('The settings of rasend: man rasend, section FILES');
  return settings;
}
