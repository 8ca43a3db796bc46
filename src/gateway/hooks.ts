/**
 * `POST /hooks/{trigger}`: deliveries of webhooks. The answer is the receipt of the trigger and comes when that is
 * durable; the same delivery again starts nothing.
 */
import type { Hono } from 'hono';
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { ReceiptView } from '../contract/trigger.ts';
import { unwanted, verifiedDelivery } from './delivery.ts';
import type { HookSecrets } from './hook-secrets.ts';
import { Refused } from './problem.ts';
import { type Env, readBytes } from './request.ts';
import type { Upstream } from './upstream.ts';

/** Deliveries of one trigger in a minute; more are told to come again. */
const PER_MINUTE = 120;
const MINUTE_MS = 60_000;

export function addHooks(
  app: Hono<Env>,
  { upstream, hooks }: { upstream: Upstream; hooks: HookSecrets },
): void {
  const rates = new Map<string, { count: number; since: number }>();
  app.post('/hooks/:trigger', async c => {
    const body = await readBytes(c.env.incoming);
    const trigger = c.req.param('trigger');
    const hook = hooks.get(trigger);
    // Who cannot sign is not told which triggers there are.
    const delivery = hook && verifiedDelivery(hook, c.env.incoming.headers, body);
    if (!hook || !delivery)
      throw new Refused('unauthorized', 'There is no such hook, or the delivery is not signed for it.');
    limit(rates, trigger);
    let payload: unknown;
    try {
      payload = JSON.parse(body.toString('utf8'));
    } catch {
      throw new RasenError('usage', 'The body is not JSON.');
    }
    const reason = unwanted(hook, delivery, payload);
    if (reason !== null) return c.json({ result: 'ignored', reason });
    try {
      const { slot, receipt, again } = await upstream.call<SlotAnswer>(
        { by: 'hook', name: trigger.slice(0, 24) },
        'trigger.deliver',
        { trigger, key: delivery.id, body: payload },
      );
      return c.json({ ...resultOf(receipt, again === true), slot, task: receipt?.task ?? null });
    } catch (error) {
      if (isRasenError(error) && error.kind === 'trigger_unknown')
        throw new Refused('not_found', `There is no trigger ${trigger} any more.`);
      throw error;
    }
  });
}

function limit(rates: Map<string, { count: number; since: number }>, trigger: string): void {
  const now = Date.now();
  const known = rates.get(trigger);
  const rate = known && now - known.since < MINUTE_MS ? known : { count: 0, since: now };
  rate.count++;
  rates.set(trigger, rate);
  if (rate.count <= PER_MINUTE) return;
  const seconds = Math.max(1, Math.ceil((rate.since + MINUTE_MS - now) / 1000));
  throw new Refused('too_many_requests', `More than ${PER_MINUTE} deliveries in a minute.`, {
    'Retry-After': String(seconds),
  });
}

interface SlotAnswer {
  slot: string;
  receipt: ReceiptView | null;
  again?: boolean;
}

/** After a kill, one that was accepted without an answer is a duplicate to its sender: it is there, once. */
function resultOf(receipt: ReceiptView | null, again: boolean): { result: string; reason: string } {
  if (receipt === null) {
    const reason = 'it waits for its turn';
    return { result: again ? 'duplicate' : 'accepted', reason };
  }
  const { outcome, reason } = receipt;
  if (again) return { result: 'duplicate', reason: reason ?? `it was ${outcome} before` };
  if (outcome === 'started' || outcome === 'late') return { result: 'accepted', reason: reason ?? outcome };
  return { result: outcome === 'joined' ? 'joined' : 'skipped', reason: reason ?? outcome };
}
