/** A task that is on disk and cannot be used, as clients are shown it: what is known of it, and nothing made up. */

import type { TaskView } from '../contract/view.ts';
import { blankView } from '../engine/blank-view.ts';
import type { Damage } from '../store/store.ts';
import { ulidTime } from '../util/ulid.ts';

export function damagedView({ task, kind, message, hint, about }: Damage): TaskView {
  return blankView({
    id: task,
    name: about.name ?? 'unreadable',
    status: kind === 'newer' ? 'newer_format' : 'damaged',
    reason: hint ? `${message}. ${hint}` : message,
    created_at: new Date(ulidTime(task) ?? 0).toISOString(),
    project: about.project ?? '',
  });
}
