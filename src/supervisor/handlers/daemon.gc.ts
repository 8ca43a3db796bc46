/** Answers `daemon.gc`. */
import { gc } from '../gc.ts';
import type { Handler } from './define.ts';

export const daemonGc: Handler<'daemon.gc'> = (params, { registry, store, places }) =>
  gc({ registry, store, places }, params);
