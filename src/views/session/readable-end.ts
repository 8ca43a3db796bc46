/**
 * The end of an output for somebody who is not there: of an agent's session what it said and did, never the events
 * themselves, which hold the files that it read. Pure.
 */

import { plain } from './entry.ts';
import type { SessionText } from './session-text.ts';

/** An event that is not known, or a piece of one, and no words of a program. */
const DATA = /^\s*[{[]\s*["{]|^\s*\{|\\+["nt]|"\s*[:,}\]]/;

/** `torn`: it may begin within a line. `session` null: it is no session, and is read as it is. */
export function readableEnd(output: string, torn: boolean, session: SessionText | null): string {
  const all = output.split('\n');
  // What is left of a line can be the value of a secret without its name.
  const lines = torn && (session || all.length > 1) ? all.slice(1) : all;
  if (!session) return lines.join('\n');
  const read = lines.flatMap(line => {
    const said = session.push(line);
    return said.at(-1)?.text === plain(line) && DATA.test(line) ? said.slice(0, -1) : said;
  });
  return [...read, ...session.end()].map(({ text }) => text).join('\n');
}
