/** Answers `event.follow`. */
import type { Handler, Reading } from './define.ts';

export const eventFollow: Handler<'event.follow', Reading> = (params, { reader }, context) =>
  reader.followEvents(params, context);
