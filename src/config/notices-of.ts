/** What of the configuration tells a person what happens to a task, whatever kind of task it is. */

import type { NotifySpec } from '../contract/notify.ts';
import type { TaskSpec } from '../contract/spec.ts';
import type { Settings } from './keys.ts';

export interface Notices {
  /** null: no channel is configured. */
  notify: NotifySpec | null;
  /** For those who tell alone. */
  secrets: TaskSpec['secrets'];
}

/** Who tells a person, and of what. */
export const notifyOf = (settings: Settings): NotifySpec => ({
  command: settings['notify.command'],
  webhook: settings['notify.webhook'],
  webhook_format: settings['notify.webhook_format'],
  webhook_secret: settings['notify.webhook_secret'],
  desktop: settings['notify.desktop'],
  on: settings['notify.on'],
});

export function noticesOf(settings: Settings): Notices {
  const notify = notifyOf(settings);
  if (notify.command === null && notify.webhook === null && !notify.desktop)
    return { notify: null, secrets: {} };
  const told = Object.entries(settings.secrets).filter(([, secret]) => secret.for?.includes('notify'));
  return {
    notify,
    secrets: Object.fromEntries(told.map(([name, secret]) => [name, { ...secret, for: ['notify'] }])),
  };
}
