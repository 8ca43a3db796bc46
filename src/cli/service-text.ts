/** How a service reads beside other subtasks. */
import type { SubtaskView } from '../contract/view.ts';
import { localTime } from './time.ts';

/** `ready since 2026-01-27 14:02:11, 2 restarts, at http://127.0.0.1:28134`; empty for what is none. */
export function serviceText({ service, status, attempt }: SubtaskView): string {
  // Of an older supervisor: none.
  if (!service) return '';
  const { ready, since, restarts, url } = service;
  const lives = status === 'in_progress' && attempt !== null;
  const up = lives ? (since ? `ready since ${localTime(since)}` : 'not ready yet') : '';
  const again = restarts > 0 ? `${restarts} restart${restarts === 1 ? '' : 's'}` : '';
  return [up, again, ready && url ? `at ${url}` : ''].filter(word => word !== '').join(', ');
}

/** A service is completed never. */
export function wordOf({ status, service }: SubtaskView): string {
  if (!service) return status;
  if (status === 'completed') return 'stopped';
  return status === 'in_progress' ? (service.ready ? 'ready' : 'starting') : status;
}
