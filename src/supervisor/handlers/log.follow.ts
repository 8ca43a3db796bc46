/** Answers `log.follow`. */
import type { Handler, Reading } from './define.ts';

export const logFollow: Handler<'log.follow', Reading> = (params, { reader }, context) =>
  reader.followLog(params, context);
