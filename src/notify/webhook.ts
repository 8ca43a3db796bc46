/** A service that takes a POST: the notice as JSON, with `text` for those that show only that. */
import { setTimeout as sleep } from 'node:timers/promises';
import { safeJson } from '../util/terminal-text.ts';
import { CHANNEL_MS_MAX, type Channel } from './channel.ts';

/** Before the second try and the third. The network may be just coming back. */
const AGAIN_MS = [1000, 5000] as const;

export function webhookChannel(url: string): Channel {
  return {
    name: 'webhook',
    async send(message, { signal }) {
      const enough = AbortSignal.any([signal, AbortSignal.timeout(CHANNEL_MS_MAX)]);
      const body = safeJson(JSON.stringify(message));
      for (const pause of [...AGAIN_MS, null]) {
        const problem = await post(url, body, enough);
        if (problem === null) return;
        if (pause === null || problem.final || enough.aborted) throw new Error(problem.words);
        await sleep(pause, undefined, { signal: enough }).catch(() => {});
      }
    },
  };
}

/** null: it was taken. `final`: asking again would change nothing. The address is not told: it may be a secret. */
async function post(
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<{ words: string; final: boolean } | null> {
  try {
    const headers = { 'content-type': 'application/json', 'user-agent': 'rasen' };
    // A POST that is led elsewhere would become a GET.
    const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    await answer.body?.cancel();
    if (answer.ok) return null;
    const { status } = answer;
    return {
      words: `the webhook answered ${status}`,
      final: status < 500 && status !== 429 && status !== 408,
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = (cause as { code?: unknown }).code;
    const words = signal.aborted ? 'no answer in time' : typeof code === 'string' ? code : 'no connection';
    return { words: `the webhook cannot be reached: ${words}`, final: signal.aborted };
  }
}
