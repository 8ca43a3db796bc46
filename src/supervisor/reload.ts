/** SIGHUP: reads rasend.yml again, reopens the log file, and tells the service manager how that went. Used by main.ts. */
import { isRasenError } from '../contract/errors.ts';
import type { LeveledLog, LogStream } from '../log.ts';
import type { Notifier } from '../service/runtime/notify.ts';
import type { StatusLine } from '../service/runtime/status-line.ts';
import { readSettings, type SETTINGS, type Settings } from './settings.ts';

export interface ReloadParts {
  /** Of rasend.yml. */
  path: string;
  /** The settings that are in use since the start. */
  settings: Settings;
  log: LeveledLog;
  stream: LogStream;
  notifier: Notifier;
  status: StatusLine;
  configure(settings: Settings): void;
}

/** Settings that cannot be used change nothing: they are reported, and the old ones stay. */
export function reload({ path, settings, log, stream, notifier, status, configure }: ReloadParts): void {
  notifier.reloading();
  stream.reopen();
  try {
    const next = readSettings(path);
    log.level = next.log_level;
    configure(next);
    log.info({}, 'settings read again');
    for (const name of ['log', 'cage'] as const satisfies (keyof typeof SETTINGS)[]) {
      if (next[name] !== settings[name])
        log.warn({ setting: name, value: next[name] }, 'a setting that takes effect at the next start');
    }
    status.problem(null);
  } catch (error) {
    if (!isRasenError(error)) throw error;
    log.error({}, `the settings cannot be used and the old ones stay: ${error.message}`);
    status.problem(`settings not used: ${error.message}`);
  }
  notifier.ready();
}
