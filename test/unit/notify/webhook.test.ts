/** Webhooks of known services, of one's own with a signature, and with an address that is a secret. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  addressProblem,
  type NotifySpec,
  notifySpec,
  type WebhookFormat,
} from '../../../src/contract/notify.ts';
import { verifiedDelivery } from '../../../src/gateway/delivery.ts';
import { problemOf, sendAll } from '../../../src/notify/index.ts';
import { type Message, testMessage, triggerMessage } from '../../../src/notify/message.ts';
import { formatOf, requestFor } from '../../../src/notify/webhook-body.ts';

const NOW = Date.parse('2026-01-27T20:00:00Z');
const message = testMessage('shop', '/nowhere', NOW);
const KEY = `whsec_${Buffer.from('a key of 24 bytes or so!').toString('base64')}`;

interface Seen {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let server: Server | null = null;
afterEach(async () => {
  if (server) await new Promise(done => server!.close(done));
  server = null;
});

/** A service that answers with these statuses, one after the other. */
async function answering(...statuses: number[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', text => {
      body += text;
    });
    request.on('end', () => {
      seen.push({ path: request.url!, headers: request.headers, body });
      response.writeHead(statuses[Math.min(seen.length, statuses.length) - 1]!, { 'retry-after': '1' });
      response.end('ok');
    });
  });
  await new Promise<void>(done => server!.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const place = { env: {}, cwd: '/', signal: new AbortController().signal };
async function send(
  over: Partial<NotifySpec>,
  secrets: Record<string, string> = {},
  what: Message = message,
): Promise<string | null> {
  return problemOf(await sendAll(notifySpec.parse(over), what, place, async () => secrets));
}

test.each<[string, WebhookFormat]>([
  ['https://hooks.slack.com/services/T0/B0/xyz', 'slack'],
  ['https://discord.com/api/webhooks/1/abc', 'discord'],
  ['https://ptb.discord.com/api/webhooks/1/abc', 'discord'],
  ['https://discord.com/api/v10/webhooks/1/abc', 'discord'],
  ['https://discord.com/api/webhooks/1/abc/slack', 'slack'],
  ['https://discord.com/other', 'json'],
  ['https://ntfy.sh/topic', 'ntfy'],
  ['https://api.telegram.org/bot1:a/sendMessage?chat_id=4', 'telegram'],
  ['https://acme.webhook.office.com/webhookb2/1', 'teams'],
  ['https://prod-1.westeurope.logic.azure.com:443/workflows/1', 'teams'],
  ['https://hooks.slack.com.example.org/', 'json'],
  ['https://ops.example.org/rasen', 'json'],
])('%s takes %s', (url, format) => {
  expect(formatOf('auto', new URL(url))).toBe(format);
  expect(formatOf('json', new URL(url))).toBe('json');
});

describe('what each service gets', () => {
  const odd = {
    ...message,
    kind: 'blocked',
    title: 'Ünï: a <title>',
    text: 'Ünï: a <title>\n<!channel> & @everyone',
  } as Message;
  const asked = (format: Exclude<WebhookFormat, 'auto'>, url: string, what = odd) =>
    requestFor(format, new URL(url), what) as { url: string; body: any };

  test('Slack: its own marks are text', () => {
    const { body } = asked('slack', 'https://hooks.slack.com/services/x');
    expect(body).toEqual({ text: 'Ünï: a &lt;title&gt;\n&lt;!channel&gt; &amp; @everyone' });
  });

  test('Discord: nobody is called by what an agent says, and no more than it takes', () => {
    const { body } = asked('discord', 'https://discord.com/api/webhooks/1/a', {
      ...odd,
      text: `@everyone ${'😀'.repeat(2000)}`,
    });
    expect(body.allowed_mentions).toEqual({ parse: [] });
    expect(body.content.length).toBeLessThan(2000);
    expect(body.content.isWellFormed()).toBe(true);
  });

  test('ntfy: JSON to the root, with the topic of the address, urgent where a person is needed', () => {
    const { url, body } = asked('ntfy', 'https://push.example.org/below/my%20topic?auth=QmFzaWM', {
      ...odd,
      text: `title\n${'ü'.repeat(9000)}`,
    });
    expect(url).toBe('https://push.example.org/below/?auth=QmFzaWM');
    expect(body).toMatchObject({ topic: 'my topic', title: 'Ünï: a <title>', priority: 4 });
    expect(Buffer.byteLength(body.message)).toBeLessThan(4096);
    expect(body.message).toMatch(/^ü+…$/);
    expect(asked('ntfy', 'https://ntfy.sh/t', message).body.priority).toBe(3);
  });

  test('Telegram: text alone, to the chat of the address', () => {
    const { url, body } = asked('telegram', 'https://api.telegram.org/bot1:a/sendMessage?chat_id=-42');
    expect(url).toContain('chat_id=-42');
    expect(body).toEqual({ text: odd.text, link_preview_options: { is_disabled: true } });
  });

  test('Teams: a card', () => {
    const { body } = asked('teams', 'https://a.webhook.office.com/1');
    const texts = body.attachments[0].content.body.map((block: { text: string }) => block.text);
    expect(texts).toEqual(['Ünï: a <title>', '<!channel> & @everyone']);
  });
});

test('a signed notice is one that a hook of ours takes, the same again with the same id', async () => {
  const { url, seen } = await answering(503, 200);
  const spec = { webhook: `${url}/x`, webhook_secret: 'SIGN' };
  expect(await send(spec, { SIGN: `${KEY}\n` })).toBeNull();
  expect(seen).toHaveLength(2);
  const hook = { kind: 'standard', secret: KEY, events: [], filters: [] } as never;
  for (const { headers, body } of seen)
    expect(verifiedDelivery(hook, headers, Buffer.from(body))).toEqual({ id: message.id, event: null });
  const { headers, body } = seen[0]!;
  expect(verifiedDelivery(hook, headers, Buffer.from(body.replace('shop', 'shot')))).toBeNull();
  expect(JSON.parse(body).id).toBe(message.id);
});

test('what refuses for good says so, and what is away does not', async () => {
  const { url } = await answering(410);
  const all = await sendAll(notifySpec.parse({ webhook: url }), message, place);
  expect(all).toEqual([{ channel: 'webhook', ok: false, detail: 'the webhook answered 410', final: true }]);
  const program = await sendAll(notifySpec.parse({ command: ['false'] }), message, {
    ...place,
    env: process.env as never,
  });
  expect(program[0]).not.toHaveProperty('final');
});

test('without a secret nothing is signed', async () => {
  const { url, seen } = await answering(200);
  expect(await send({ webhook: url })).toBeNull();
  expect(seen[0]!.headers).toMatchObject({ 'webhook-id': message.id, 'content-type': 'application/json' });
  expect(seen[0]!.headers['webhook-signature']).toBeUndefined();
});

test('an address has secrets in it, or is one', async () => {
  const { url, seen } = await answering(200);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in rasen.yml
  expect(await send({ webhook: `${url}/bot\${BOT}/send` }, { BOT: '1:abc' })).toBeNull();
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as above
  expect(await send({ webhook: '${HOOK}' }, { HOOK: `${url}/whole` })).toBeNull();
  expect(seen.map(({ path }) => path)).toEqual(['/bot1:abc/send', '/whole']);
});

test.each([
  [{ webhook: 'https://localhost/$'.concat('{BOT}') }, {}, 'webhook: BOT is no secret with for: [notify]'],
  [
    { webhook: '$'.concat('{HOOK}') },
    { HOOK: 'file:///etc/passwd' },
    'webhook: what its address is with HOOK is not an address that begins with http:// or https://',
  ],
  [
    { webhook: 'https://localhost/', webhook_secret: 'SIGN' },
    { SIGN: 'short' },
    'webhook: SIGN is no key: wanted whsec_ and at least 16 bytes in base64',
  ],
])('%j with %j is refused in words, without a value', async (spec, secrets, words) => {
  expect(await send(spec, secrets)).toBe(words);
});

test.each([
  ['https://example.org/a', null],
  ['$'.concat('{HOOK}'), null],
  ['https://example.org/$'.concat('{A}/$', '{B}'), null],
  ['https://me:pw@example.org/', 'has a login in it, which is not sent'],
  ['$'.concat('{A}$', '{B}'), 'is not an address that begins with http:// or https://'],
  ['ftp://example.org/', 'is not an address that begins with http:// or https://'],
])('%s: %s', (text, problem) => {
  expect(addressProblem(text)).toBe(problem);
});

test('notices have names of their own', () => {
  const ids = [
    message.id,
    testMessage('shop', '/nowhere', NOW + 1).id,
    triggerMessage('other', '/nowhere', 'paused', NOW).id,
  ];
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^rasen_[0-9a-f]{32}$/);
});
