/**
 * One delivery of a webhook: whether it is signed by who knows the secret, which one it is, and whether it is wanted.
 * Standard Webhooks, GitHub and GitLab. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { standardSignature } from '../util/standard-webhook.ts';
import type { Hook } from './hook-secrets.ts';

/** A signature that is older, or from the future, may be one that somebody has kept. */
export const TOLERANCE_MS = 5 * 60_000;
const ID = /^[\x21-\x7e]{1,120}$/;

export interface Delivery {
  /** Tells it apart from all others; the same one again is the same delivery. */
  id: string;
  event: string | null;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Null: it is not signed as it has to be. */
export function verifiedDelivery(
  hook: Hook,
  headers: Headers,
  body: Buffer,
  now = Date.now(),
): Delivery | null {
  const header = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : '';
  };
  switch (hook.kind) {
    case 'standard':
      return standard(hook.secret, header, body, now);
    case 'github': {
      const signed = `sha256=${createHmac('sha256', hook.secret).update(body).digest('hex')}`;
      const id = header('x-github-delivery');
      if (!same(header('x-hub-signature-256'), signed) || !ID.test(id)) return null;
      return { id, event: header('x-github-event') || null };
    }
    case 'gitlab': {
      const id = header('idempotency-key') || header('x-gitlab-event-uuid');
      if (!same(header('x-gitlab-token'), hook.secret) || !ID.test(id)) return null;
      return { id, event: header('x-gitlab-event') || null };
    }
  }
}

function standard(
  secret: string,
  header: (name: string) => string,
  body: Buffer,
  now: number,
): Delivery | null {
  const [id, time, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(header) as [
    string,
    string,
    string,
  ];
  if (!ID.test(id) || !/^\d{1,12}$/.test(time) || Math.abs(now - Number(time) * 1000) > TOLERANCE_MS)
    return null;
  const signed = standardSignature(secret, id, time, body);
  // Several while the secret of the sender is being replaced.
  const good = signatures.split(' ').some(signature => same(signature, signed));
  return good ? { id, event: null } : null;
}

/** In constant time, whatever their lengths. */
function same(given: string, wanted: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'rasen').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** Why the trigger does not want it; null: it does. */
export function unwanted({ events, filters }: Hook, { event }: Delivery, payload: unknown): string | null {
  const named = event ?? eventIn(payload);
  if (events.length > 0 && (named === null || !events.includes(named)))
    return `event ${named ?? '(none)'} is none of ${events.join(', ')}`;
  for (const { path, value } of filters) {
    const found = valueAt(payload, path);
    if (String(found ?? '') !== value) return `${path} is not ${JSON.stringify(value)}`;
  }
  return null;
}

/** Standard Webhooks name the event in the payload. */
const eventIn = (payload: unknown): string | null => {
  const type = valueAt(payload, 'type');
  return typeof type === 'string' ? type : null;
};

function valueAt(payload: unknown, path: string): unknown {
  let at = payload;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
