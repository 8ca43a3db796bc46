/** Telling a person through every channel that was asked for; what goes wrong with one holds up no other. */
import { messageOf } from '../errors.ts';
import type { NotifySpec } from '../task/notices.ts';
import type { Channel, Place } from './channel.ts';
import { commandChannel } from './command.ts';
import { desktopChannel } from './desktop.ts';
import type { Message } from './message.ts';
import { webhookChannel } from './webhook.ts';

export type Sent = { channel: Channel['name']; ok: boolean; detail: string | null };

export function channelsOf(spec: NotifySpec, platform: NodeJS.Platform = process.platform): Channel[] {
  return [
    ...(spec.command ? [commandChannel(spec.command)] : []),
    ...(spec.webhook ? [webhookChannel(spec.webhook)] : []),
    ...(spec.desktop ? [desktopChannel(platform)] : []),
  ];
}

/** Never throws, and takes as long as the slowest channel. */
export function sendAll(spec: NotifySpec, message: Message, place: Place): Promise<Sent[]> {
  return Promise.all(
    channelsOf(spec).map(async channel => {
      try {
        await channel.send(message, place);
        return { channel: channel.name, ok: true, detail: null };
      } catch (error) {
        return { channel: channel.name, ok: false, detail: messageOf(error) };
      }
    }),
  );
}

/** What went wrong, in one line; null: nothing. */
export function problemOf(sent: readonly Sent[]): string | null {
  const failed = sent.filter(({ ok }) => !ok);
  return failed.length === 0 ? null : failed.map(({ channel, detail }) => `${channel}: ${detail}`).join('; ');
}
