/** Answers `daemon.suspend`. */
import type { Handler } from './define.ts';

export const daemonSuspend: Handler<'daemon.suspend'> = (_params, { suspension }, { signal }) =>
  suspension.begin(signal);
