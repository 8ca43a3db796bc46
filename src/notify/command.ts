/** A program of the user's own: the notice is JSON on its standard input. */
import { safeJson } from '../util/terminal-text.ts';
import type { Channel } from './channel.ts';
import { runProgram } from './program.ts';

export function commandChannel(argv: readonly string[]): Channel {
  return {
    name: 'command',
    send: (message, place) => runProgram(argv, `${safeJson(JSON.stringify(message))}\n`, place),
  };
}
