/** Telling a person through every channel that was asked for; what goes wrong with one holds up no other. */
import { messageOf } from '../contract/errors.ts';
import type { NotifySpec } from '../contract/notify.ts';
import { oneLine } from '../views/plain-text.ts';
import { type Channel, type Place, Refused } from './channel.ts';
import { commandChannel } from './command.ts';
import { desktopChannel } from './desktop.ts';
import type { Message } from './message.ts';
import { secretsOfWebhook, webhookChannel } from './webhook.ts';
import { withoutValues } from './without-values.ts';

/** Of what went wrong with one channel. */
const MAX_DETAIL = 250;

/** `final`: it would be refused again. */
export type Sent = { channel: Channel['name']; ok: boolean; detail: string | null; final?: boolean };

export function channelsOf(spec: NotifySpec, platform: NodeJS.Platform = process.platform): Channel[] {
  return [
    ...(spec.command ? [commandChannel(spec.command)] : []),
    ...(spec.webhook ? [webhookChannel(spec.webhook, spec)] : []),
    ...(spec.desktop ? [desktopChannel(platform)] : []),
  ];
}

/**
 * Never throws, and takes as long as the slowest channel. `secrets` are looked up for the command, and for a webhook that
 * needs some; where one is missing that channel is not used, and every other one tells its person.
 */
export async function sendAll(
  spec: NotifySpec,
  message: Message,
  place: Omit<Place, 'secrets'>,
  secrets: () => Promise<Record<string, string>> = async () => ({}),
): Promise<Sent[]> {
  const bare = { ...place, secrets: [] };
  const needs = { command: true, webhook: secretsOfWebhook(spec).length > 0, desktop: false };
  return Promise.all(
    channelsOf(spec).map(async channel => {
      try {
        await attempt(channel, message, needs[channel.name] ? withSecrets(place, await secrets()) : bare);
        return { channel: channel.name, ok: true, detail: null };
      } catch (error) {
        const final = error instanceof Refused ? { final: true } : {};
        return { channel: channel.name, ok: false, detail: oneLine(messageOf(error), MAX_DETAIL), ...final };
      }
    }),
  );
}

const withSecrets = (place: Omit<Place, 'secrets'>, values: Record<string, string>): Place => ({
  ...place,
  env: { ...place.env, ...values },
  secrets: Object.values(values),
});

/** What it complains of has no value of a secret. */
async function attempt(channel: Channel, message: Message, place: Place): Promise<void> {
  try {
    await channel.send(message, place);
  } catch (error) {
    const words = withoutValues(messageOf(error), place.secrets);
    throw error instanceof Refused ? new Refused(words) : new Error(words);
  }
}

/** What went wrong, in one line; null: nothing. */
export function problemOf(sent: readonly Sent[]): string | null {
  const failed = sent.filter(({ ok }) => !ok);
  return failed.length === 0 ? null : failed.map(({ channel, detail }) => `${channel}: ${detail}`).join('; ');
}
