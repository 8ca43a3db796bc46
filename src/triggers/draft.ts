/** A trigger as people ask for it becomes a definition: times in words, checked with sentences that they understand. Pure. */
import {
  type Definition,
  type DefinitionDraft,
  defaultOverlap,
  definition,
  type When,
} from '../contract/trigger.ts';
import { cronProblem, isTimeZone, parseAt, parseSpan } from './calendar.ts';

const MIN_EVERY_S = 1;
const MAX_EVERY_S = 366 * 86_400;
const TIMES = 'Write 02:00, "2026-12-24 18:00", an RFC 3339 time, or a duration such as 12h.';

export class DraftProblem extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Throws DraftProblem. `before`: the definition that it replaces; what is unchanged in it may have passed. */
export function resolveDraft(
  draft: DefinitionDraft,
  now_ms: number,
  before: Definition | null = null,
): Definition {
  const tz = draft.policy.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!isTimeZone(tz)) throw new DraftProblem(`Not a time zone: "${tz}".`, 'For example: Europe/Berlin');
  const until = draft.policy.until === null ? null : time('until', draft.policy.until, tz, now_ms);
  const resolved = whenOf(draft, tz, now_ms, before);
  const overlap = draft.policy.overlap ?? defaultOverlap(draft.when.kind);
  return definition.parse({ ...draft, when: resolved, policy: { ...draft.policy, overlap, tz, until } });
}

function whenOf(
  { when: asked }: DefinitionDraft,
  tz: string,
  now_ms: number,
  before: Definition | null,
): When {
  switch (asked.kind) {
    case 'at': {
      const at = time('at', asked.at, tz, now_ms);
      if (before?.when.kind === 'at' && before.when.at === at) return before.when;
      if (Date.parse(at) <= now_ms)
        throw new DraftProblem(`The time has passed: "${asked.at}" was ${at}.`, TIMES);
      const in_seconds = parseSpan(asked.at);
      return { kind: 'at', at, ...(in_seconds === null ? {} : { in_seconds }) };
    }
    case 'every': {
      const { every_seconds } = asked;
      if (every_seconds < MIN_EVERY_S || every_seconds > MAX_EVERY_S)
        throw new DraftProblem(
          `Not an interval: ${every_seconds} s.`,
          'Write 1s or more, and a year or less.',
        );
      // On a whole second, which is easier to read.
      const now = new Date(Math.ceil(now_ms / 1000) * 1000).toISOString();
      return {
        kind: 'every',
        every_seconds,
        from: asked.from === null ? now : time('from', asked.from, tz, now_ms),
      };
    }
    case 'cron': {
      const problem = cronProblem(asked.cron);
      if (problem !== null)
        throw new DraftProblem(
          `Not a cron expression: "${asked.cron}": ${problem}.`,
          'Five fields: minute hour day month weekday, such as "0 2 * * 1-5".',
        );
      return asked;
    }
    default:
      return asked;
  }
}

function time(what: string, text: string, tz: string, now_ms: number): string {
  const ms = parseAt(text, tz, now_ms);
  if (ms === null) throw new DraftProblem(`Not a time for ${what}: "${text}".`, TIMES);
  return new Date(ms).toISOString();
}
