/** What a service takes in place of the notice as it is: the address and the body of its request. Pure. */
import type { WebhookFormat } from '../contract/notify.ts';
import type { Message } from './message.ts';

/** Limits of the services, in characters; some count bytes, so they are a good deal lower where that is not said. */
const DISCORD_MAX = 1900;
const TELEGRAM_MAX = 4000;
/** In bytes; beyond it ntfy makes an attachment of the text. */
const NTFY_MAX_BYTES = 4000;
const SLACK_MAX = 30_000;
const TEAMS_MAX = 12_000;

/** Services that are known by their address. */
const KNOWN: readonly (readonly [format: Exclude<WebhookFormat, 'auto'>, is: (url: URL) => boolean])[] = [
  ['slack', url => url.hostname === 'hooks.slack.com' || (isDiscord(url) && url.pathname.endsWith('/slack'))],
  ['discord', isDiscord],
  ['ntfy', url => url.hostname === 'ntfy.sh'],
  ['telegram', url => url.hostname === 'api.telegram.org'],
  ['teams', url => /\.(?:webhook\.office\.com|logic\.azure\.com|powerplatform\.com)$/.test(url.hostname)],
];

function isDiscord({ hostname, pathname }: URL): boolean {
  return /^(?:\w+\.)?discord(?:app)?\.com$/.test(hostname) && /^\/api\/(?:v\d+\/)?webhooks\//.test(pathname);
}

/** What `auto` is at an address. */
export function formatOf(format: WebhookFormat, url: URL): Exclude<WebhookFormat, 'auto'> {
  if (format !== 'auto') return format;
  return KNOWN.find(([, is]) => is(url))?.[0] ?? 'json';
}

export interface WebhookRequest {
  url: string;
  body: unknown;
}

export function requestFor(
  format: Exclude<WebhookFormat, 'auto'>,
  url: URL,
  message: Message,
): WebhookRequest {
  const to = (body: unknown) => ({ url: url.href, body });
  switch (format) {
    case 'json':
      return to(message);
    case 'slack':
      // Its own marks for links, mentions and channels begin with one of these.
      return to({
        text: firstChars(
          message.text.replace(/[&<>]/g, c => ENTITIES[c]!),
          SLACK_MAX,
        ),
      });
    case 'discord':
      // An agent's words call nobody.
      return to({ content: firstChars(message.text, DISCORD_MAX), allowed_mentions: { parse: [] } });
    case 'telegram':
      return to({
        text: firstChars(message.text, TELEGRAM_MAX),
        link_preview_options: { is_disabled: true },
      });
    case 'ntfy':
      return ntfy(url, message);
    case 'teams':
      return to(teams(message));
  }
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** As JSON to the root of the server, since headers take no text outside of ASCII. The topic is the end of the address. */
function ntfy(url: URL, message: Message): WebhookRequest {
  const [, before, topic] = /^(.*\/)([^/]+)\/?$/.exec(url.pathname) ?? [null, '/', ''];
  const root = new URL(url);
  root.pathname = before!;
  const urgent = message.kind === 'blocked' || message.kind === 'failed';
  const [, ...rest] = message.text.split('\n');
  return {
    url: root.href,
    body: {
      topic: decodeURIComponent(topic!),
      title: message.title,
      message: firstBytes(rest.join('\n') || message.title, NTFY_MAX_BYTES),
      priority: urgent ? 4 : 3,
      tags: [TAGS[message.kind] ?? 'bell'],
    },
  };
}

/** Names that ntfy shows as emoji. */
const TAGS: Partial<Record<Message['kind'], string>> = {
  completed: 'white_check_mark',
  failed: 'x',
  blocked: 'raising_hand',
  waiting: 'hourglass',
  budget: 'moneybag',
};

/** An adaptive card, which is what a workflow of Teams takes. */
function teams({ title, text }: Message): unknown {
  const block = (words: string, more: object = {}) => ({
    type: 'TextBlock',
    text: words,
    wrap: true,
    ...more,
  });
  const [, ...rest] = text.split('\n');
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            block(title, { weight: 'Bolder' }),
            // Lines of their own; a single line end is a blank there.
            block(firstChars(rest.join('\n\n'), TEAMS_MAX)),
          ],
        },
      },
    ],
  };
}

/** Whole characters only. */
function firstChars(text: string, max: number): string {
  return text.length <= max
    ? text
    : `${text
        .slice(0, max)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`;
}

/** As above. */
function firstBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, max)).replace(/\ufffd$/, '')}…`;
}
