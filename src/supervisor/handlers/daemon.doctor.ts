/** Answers `daemon.doctor`. */
import type { Handler, Reading } from './define.ts';

export const daemonDoctor: Handler<'daemon.doctor', Reading> = (_params, { doctor }) => doctor();
