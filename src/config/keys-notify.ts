/** The keys of how a person is told of what happens to a task: `notify.*`. */
import { NOTICE_KINDS } from '../contract/notify.ts';
import { command, own } from './keys-row.ts';
import { bool, listOf, nullable, oneOf, text, type ValueType } from './types.ts';

const MAX_URL = 2000;
const plain = text(MAX_URL, 'an address that begins with http:// or https://');
const address: ValueType<string> = {
  ...plain,
  read(node, report) {
    const value = plain.read(node, report);
    if (value === undefined) return undefined;
    const url = URL.parse(value);
    if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return value;
    const why = url?.username ? 'has a login in it, which is not sent' : `is not ${plain.wanted}`;
    report(node, why);
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
    'Address that gets the notice as JSON by POST; its `text` says all in words.',
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
