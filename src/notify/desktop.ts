/** The desktop of the user: notify-send, or osascript on macOS. */
import type { Channel } from './channel.ts';
import type { Message } from './message.ts';
import { runProgram } from './program.ts';

/** The texts are arguments of the script and not parts of it: what an agent said is no AppleScript. */
const SCRIPT = [
  'on run argv',
  'display notification (item 2 of argv) with title (item 1 of argv)',
  'end run',
] as const;

export function desktopChannel(platform: NodeJS.Platform): Channel {
  const argv = platform === 'darwin' ? osascript : notifySend;
  return { name: 'desktop', send: (message, place) => runProgram(argv(message), '', place) };
}

const osascript = ({ title, text }: Message): string[] => [
  ...['osascript', ...SCRIPT.flatMap(line => ['-e', line])],
  ...[title, text],
];

function notifySend({ kind, title, text }: Message): string[] {
  const urgency = kind === 'failed' || kind === 'blocked' ? 'critical' : 'normal';
  // After two dashes nothing is an option. Text is markup for it.
  const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return ['notify-send', '--app-name=rasen', `--urgency=${urgency}`, '--', title, plain];
}
