/** How a session of OpenCode ended: its last step, an error that it did not get over, its error channel. */
import type { Usage } from '../agent.ts';
import { brokenOff, endedWell, type Failure, failedAfter, type Seen, type SessionEnding } from '../fold.ts';
import { object, text } from '../json.ts';
import { outcomeOfError, outcomeOfMessage } from './error.ts';
import { addStep } from './usage.ts';

/** On its error channel, about a request that it tries again. */
const RETRY = /\bmessage="stream error" .*\berror\.error="AI_\w+: ([^"]*)/;
/** Only without `--auto`, which an older version does not know. */
const REFUSED = /permission requested: ([\w-]+) .*; auto-rejecting$/;
const NO_SESSION = /^(?:Error: )?Session not found\b/;

export function opencodeEnding(seen: Seen): SessionEnding {
  let usage: Usage | null = null;
  /** Reason of the last step that finished; null: one is open, or none began. */
  let finished: string | null = null;
  let error: Failure | null = null;
  let retrying: Failure | null = null;
  let early: Failure | null = null;
  /** An error came that it got over; its exit code tells of it all the same. */
  let recovered = false;

  return {
    take(event) {
      switch (event.kind) {
        case 'answers':
          retrying = null;
          recovered ||= error !== null;
          error = null;
          break;
        case 'turn':
          finished = null;
          seen.through = false;
          break;
        case 'usage':
          usage = addStep(usage, event.said);
          break;
        case 'over':
          finished = event.how ?? '';
          seen.through = finished === 'stop';
          break;
        case 'failed': {
          const name = text(event.said?.name);
          const data = object(event.said?.data);
          const detail = text(data?.message) ?? name ?? 'an error without words';
          error = { outcome: outcomeOfError(name, data), detail };
          break;
        }
      }
    },
    errorLine(line) {
      const refused = REFUSED.exec(line);
      if (refused) seen.deny(refused[1]);
      const words = RETRY.exec(line)?.[1];
      if (words !== undefined) retrying = { outcome: outcomeOfMessage(words) ?? 'failed', detail: words };
      if (NO_SESSION.test(line)) early ??= { outcome: 'session_lost', detail: line };
    },
    usage: () => usage,
    end(exit) {
      const whole = finished === 'stop' && error === null;
      const spent = usage && { ...usage, partial: !whole };
      if (error) return { ...error, evidence: 'event', retry_at: null, usage: spent };
      if (whole) {
        const well = exit.code === 0 || (recovered && exit.code === 1);
        return well ? endedWell(seen, spent) : failedAfter('last step', seen, exit, spent);
      }
      if (finished === 'length') {
        const detail = 'the model had no room left for its answer';
        return { outcome: 'context', evidence: 'event', detail, retry_at: null, usage: spent };
      }
      const why = retrying ?? (seen.events === 0 ? early : null);
      const broken = brokenOff(seen, exit, spent);
      return why ? { ...broken, ...why, evidence: 'text' } : broken;
    },
  };
}
