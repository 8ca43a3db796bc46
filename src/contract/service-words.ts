/** What is known of services without a schema: clients read it, too, and load nothing else for that. */
import type { ServiceSpec } from './service.ts';

/** What a subtask waits for of another one. */
export const NEED_STATES = ['started', 'ready', 'done', 'failed'] as const;
export type NeedState = (typeof NEED_STATES)[number];

export const RESTARTS = ['always', 'on-failure', 'never'] as const;

/** Ways to look at a service, in the order of the manual. */
export const PROBE_KINDS = ['tcp', 'http', 'line', 'file', 'command'] as const;
export type ProbeKind = (typeof PROBE_KINDS)[number];

/** Seconds until a service is ready whose `ready` says no time. */
export const READY_SECONDS = 60;

/** Most restarts that can be asked for within a window: so many ends are kept. */
export const MAX_RESTARTS = 199;

/** A service of which nothing is said. */
export const USUAL_SERVICE: ServiceSpec = {
  ready: null,
  health: null,
  restart: 'on-failure',
  max_restarts: 5,
  window_seconds: 600,
  port: null,
};
