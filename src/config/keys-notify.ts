/** The keys of how a person is told of what happens to a task: `notify.*`. */
import { addressProblem, MAX_WEBHOOK_CHARS, NOTICE_KINDS, WEBHOOK_FORMATS } from '../contract/notify.ts';
import { command, own } from './keys-row.ts';
import { found } from './node.ts';
import { bool, listOf, nullable, oneOf, text, type ValueType } from './types.ts';

const plain = text(MAX_WEBHOOK_CHARS, 'an address that begins with http:// or https://');
const address: ValueType<string> = {
  ...plain,
  read(node, report) {
    const value = plain.read(node, report);
    if (value === undefined) return undefined;
    const problem = addressProblem(value);
    if (problem === null) return value;
    report(node, problem);
    return undefined;
  },
};

const nameOfSecret: ValueType<string> = {
  ...text(128, 'the name of a secret'),
  read(node, report) {
    const name = node.kind === 'scalar' ? node.text : '';
    if (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return name;
    report(node, `found ${found(node)}, wanted the name of a secret`);
    return undefined;
  },
};

export const NOTIFY_KEYS = {
  'notify.command': own(
    command(),
    null,
    'Program that is told: the notice is JSON on its standard input. Secrets with `for: [notify]` are in its environment. See NOTIFICATIONS.',
    'none',
  ),
  'notify.webhook': own(
    nullable(address, 'none'),
    null,
    'Address that gets the notice by POST. `${NAME}` in it stands for a secret with `for: [notify]`; all of it can be one.',
    'none',
  ),
  'notify.webhook_format': own(
    oneOf(...WEBHOOK_FORMATS),
    'auto',
    'What it gets: json is the notice itself, whose `text` says all in words; auto is json too, but for an address of Slack, Discord, ntfy.sh, Telegram or Teams.',
  ),
  'notify.webhook_secret': own(
    nullable(nameOfSecret, 'requests are not signed'),
    null,
    'Name of a secret with `for: [notify]`, with which requests are signed as Standard Webhooks are: base64, mostly `whsec_` and 32 characters or more.',
    'none',
  ),
  'notify.desktop': own(bool(), false, 'Show notices on the desktop, by notify-send, or osascript on macOS.'),
  'notify.on': own(
    listOf(oneOf(...NOTICE_KINDS), NOTICE_KINDS.length, `a list of ${NOTICE_KINDS.join(', ')}`),
    [...NOTICE_KINDS],
    'What is told. Each once for a task and a reason, whatever restarts in between.',
    'all of them',
  ),
};
