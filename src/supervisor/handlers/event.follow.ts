/** Answers `event.follow`. */
import { followEvents } from '../follow-events.ts';
import type { Handler, Reading } from './define.ts';

export const eventFollow: Handler<'event.follow', Reading> = (params, { registry }, context) =>
  followEvents(registry, params, context);
