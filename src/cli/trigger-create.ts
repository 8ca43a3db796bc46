/** Makes triggers: for `rasen run --every …`, and for those of rasen.yml. */

import { isRasenError } from '../contract/errors.ts';
import type { Params, TriggerView } from '../index.ts';
import type { Order } from '../submit/order.ts';
import { ulid } from '../util/ulid.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';
import type { Link } from './link.ts';
import { oneLine } from './output.ts';
import { localTime } from './time.ts';
import { type PolicyOptions, policyOf, type WhenOptions, whenOf } from './trigger-options.ts';

export interface TriggerOptions extends WhenOptions, PolicyOptions {
  name?: string;
  background?: boolean;
}

type Draft = Params<'trigger.create'>['definition'];

/** Names that are tried where nobody has said one. */
const NAMES_MAX = 50;
const NAME_CHARS = 32;

export async function createTrigger(
  context: Context,
  order: Order,
  options: TriggerOptions,
): Promise<number> {
  const { out, link } = context;
  const { name } = options;
  const trigger = await makeTrigger(link, order, { name, when: whenOf(options)!, policy: policyOf(options) });
  for (const note of order.advice) out.note(note);
  out.reply(trigger, () => trigger.name);
  out.note(createdText(trigger));
  return 0;
}

export interface TriggerWish {
  /** Default: made of what it runs, and of a number where that name is taken. */
  name: string | undefined;
  when: Draft['when'];
  policy: Partial<Draft['policy']>;
}

export async function makeTrigger(link: Link, order: Order, wish: TriggerWish): Promise<TriggerView> {
  const { when } = wish;
  const policy = { tz: zoneHere(), ...wish.policy };
  const id = ulid();
  const first = wish.name ?? nameOf(order.spec.name);
  for (let n = 1; ; n++) {
    const name = n === 1 ? first : `${first}-${n}`;
    try {
      const params = { id, definition: { name, when, policy, task: order.spec }, env: order.env };
      const { trigger } = await link.persist(client => client.call('trigger.create', params), {
        starts: true,
      });
      return trigger;
    } catch (error) {
      const taken = isRasenError(error) && error.kind === 'trigger_exists';
      if (!taken || wish.name !== undefined || n >= NAMES_MAX) throw error;
    }
  }
}

function createdText({ name, when, next_at }: TriggerView): string {
  const next = next_at === null ? '' : `, next ${localTime(next_at)}`;
  return `trigger ${name}: ${oneLine(when)}${next}. See: rasen trigger show ${name}`;
}

/** The time zone of this shell. */
export const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A name for what nobody has given one. */
export function nameOf(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, NAME_CHARS)
    .replace(/-+$/, '');
  return name || 'trigger';
}

/** Options of `rasen run` that mean nothing for a trigger. */
export function refuseForTrigger(options: Readonly<Record<string, unknown>>): void {
  const reasons: Record<string, string> = {
    foreground: 'a trigger runs in the background',
    wait: 'a trigger runs in the background',
    exitCode: 'a trigger runs in the background',
    stdin: 'a run of a trigger has no standard input',
    key: 'a trigger has a name: --name',
    after: 'its runs begin when they are due',
    retry: 'a failed run is followed by the next one',
  };
  for (const [name, why] of Object.entries(reasons))
    if (options[name] !== undefined)
      throw usage(`--${name === 'exitCode' ? 'exit-code' : name} does not go with a trigger: ${why}.`);
}
