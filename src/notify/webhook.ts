/** A service that takes a POST: the notice as JSON, or as the service wants it. Signed where there is a secret for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { addressProblem, type NotifySpec, secretsIn, withSecretsIn } from '../contract/notify.ts';
import { isKey, KEY_TEXT, standardSignature } from '../util/standard-webhook.ts';
import { safeJson } from '../util/terminal-text.ts';
import { CHANNEL_MS_MAX, type Channel, Refused } from './channel.ts';
import { formatOf, requestFor } from './webhook-body.ts';

/** Before the second try and the third. The network may be just coming back. */
const AGAIN_MS = [1000, 5000] as const;
/** Longest that a service may ask to wait before the next of them; longer is for a later notice. */
const ASKED_MS_MAX = 10_000;

type WebhookSpec = Pick<NotifySpec, 'webhook_format' | 'webhook_secret'>;

/** Names of the secrets that its address and its signature need. */
export const secretsOfWebhook = ({ webhook, webhook_secret }: Partial<NotifySpec>): string[] => [
  ...(webhook ? secretsIn(webhook) : []),
  ...(webhook && webhook_secret ? [webhook_secret] : []),
];

/** Tasks of before have no format and no secret. */
export function webhookChannel(address: string, spec: Partial<WebhookSpec> = {}): Channel {
  const { webhook_format = 'auto', webhook_secret = null } = spec;
  return {
    name: 'webhook',
    async send(message, { signal, env }) {
      const secretOf = (name: string) => {
        const value = env[name]?.trim();
        if (!value) throw new Error(`${name} is no secret with for: [notify]`);
        return value;
      };
      const filled = withSecretsIn(address, secretOf);
      const problem = addressProblem(filled);
      // Not the address itself: it may be a secret.
      if (problem !== null)
        throw new Error(`what its address is with ${secretsIn(address).join(', ')} ${problem}`);
      const at = new URL(filled);
      const { url, body } = requestFor(formatOf(webhook_format, at), at, message);
      const text = safeJson(JSON.stringify(body));
      const enough = AbortSignal.any([signal, AbortSignal.timeout(CHANNEL_MS_MAX)]);
      const secret = webhook_secret === null ? null : secretOf(webhook_secret);
      if (secret !== null && !isKey(secret)) throw new Error(`${webhook_secret} is no key: ${KEY_TEXT}`);
      for (const pause of [...AGAIN_MS, null]) {
        const refusal = await post(url, text, headersOf(message.id, text, secret), enough);
        if (refusal === null) return;
        if (refusal.final && !enough.aborted) throw new Refused(refusal.words);
        if (pause === null || enough.aborted) throw new Error(refusal.words);
        const ms = Math.max(pause, Math.min(refusal.after_ms, ASKED_MS_MAX));
        await sleep(ms, undefined, { signal: enough }).catch(() => {});
      }
    },
  };
}

/** As Standard Webhooks name them: the same id for each try of a notice, the time of this try. */
function headersOf(id: string, body: string, secret: string | null): Record<string, string> {
  const seconds = String(Math.floor(Date.now() / 1000));
  return {
    'content-type': 'application/json',
    'user-agent': 'rasen',
    'webhook-id': id,
    'webhook-timestamp': seconds,
    ...(secret === null ? {} : { 'webhook-signature': standardSignature(secret, id, seconds, body) }),
  };
}

interface Refusal {
  words: string;
  /** Asking again would change nothing. */
  final: boolean;
  /** How long the service wants to be left alone, in ms. */
  after_ms: number;
}

/** null: it was taken. The address is not told: it may be a secret. */
async function post(
  url: string,
  body: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Refusal | null> {
  try {
    // A POST that is led elsewhere would become a GET.
    const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    await answer.body?.cancel();
    if (answer.ok) return null;
    const { status } = answer;
    return {
      words: `the webhook answered ${status}`,
      final: status < 500 && status !== 429 && status !== 408,
      after_ms: 1000 * (Number(answer.headers.get('retry-after')) || 0),
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = (cause as { code?: unknown }).code;
    const words = signal.aborted ? 'no answer in time' : typeof code === 'string' ? code : 'no connection';
    return { words: `the webhook cannot be reached: ${words}`, final: signal.aborted, after_ms: 0 };
  }
}
