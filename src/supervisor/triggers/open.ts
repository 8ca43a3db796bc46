/** The triggers of a supervisor, wired to its tasks. */
import { RasenError } from '../../contract/errors.ts';
import type { FarFiles } from '../../host/far-files.ts';
import type { Log } from '../../log.ts';
import type { Paths } from '../../paths.ts';
import type { SecretPlaces } from '../../secrets/places.ts';
import { TriggerStore } from '../../store/file/trigger-store.ts';
import type { LocalStore } from '../../store/store.ts';
import type { RunEnd } from '../../triggers/event.ts';
import type { Commands } from '../commands.ts';
import { remove } from '../gc.ts';
import type { Places } from '../places.ts';
import type { ProjectLocks } from '../project-locks.ts';
import { statusOf } from '../reader.ts';
import type { Entry, Registry } from '../registry.ts';
import type { Settings } from '../settings.ts';
import { Holds } from './hold.ts';
import { tell } from './notice.ts';
import { Triggers } from './triggers.ts';

export interface TriggerParts {
  paths: Paths;
  settings: Settings;
  log: Log;
  watch_program: readonly string[];
  registry: Registry;
  store: LocalStore;
  places: Places;
  far: FarFiles;
  commands: Commands;
  projects: ProjectLocks;
  secrets: SecretPlaces;
  closing: AbortSignal;
  assertStays(): void;
}

export function openTriggers(parts: TriggerParts): Triggers {
  const { paths, settings, log, watch_program, registry, far, commands, secrets, closing } = parts;
  const store = new TriggerStore(paths);
  const holds = new Holds({ registry, paths, limits: settings, far });
  const origin = { via: 'trigger' };
  return new Triggers({
    ...{ store, log, watch_program },
    hold: (spec, now_ms) => holds.of(spec, now_ms),
    endOf: task => runEndOf(registry.get(task)),
    taskOf: key => registry.byKey(key)?.id ?? null,
    submit: async (spec, env) => {
      parts.assertStays();
      await parts.projects.during(spec, () => commands.run(spec, env, origin));
    },
    cancel: async task => {
      await commands.want(task, 'cancel', false, { op: undefined, origin });
    },
    remove: async task => {
      const entry = registry.get(task);
      if (!entry) return null;
      // It is over, and somebody is still told of it.
      if (entry.state !== null && runEndOf(entry) !== 'interrupted')
        throw new RasenError('task_state', `task ${task} is not through yet`);
      return await remove(parts, entry, false);
    },
    tell: (state, text) => tell({ secrets, far, closing }, state, text, store.env(state.id)),
  });
}

/** How the run of a trigger ended; null: it goes on, or waits for somebody. */
function runEndOf(entry: Entry | null): RunEnd | null {
  if (!entry) return 'gone';
  const status = statusOf(entry);
  const ends: readonly string[] = ['completed', 'failed', 'cancelled', 'interrupted'] satisfies RunEnd[];
  return ends.includes(status) ? (status as RunEnd) : null;
}
