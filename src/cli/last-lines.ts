/** The last lines of a log as people read it: those of sessions come of many more lines of output. */
import type { LogRecord } from '../index.ts';
import type { Link } from './link.ts';
import { type LogRequest, readLog } from './log-stream.ts';
import { bytesOf, LogText, type LogTextOptions } from './log-text.ts';

/** Kinds of subtasks whose output, or that of a gate, is a session of an agent. */
export const SESSIONS: ReadonlySet<string> = new Set(['agent', 'plan', 'fix', 'final']);
/** Lines of output that are asked for to show one line of a session, at first and when these were too few. */
const PER_LINE = [100, 5000] as const;
/** As many as log.follow gives. */
const MAX_ASKED = 100_000;

export type LogQuestion = Omit<LogRequest, 'show' | 'lines'>;

export async function lastLines(link: Link, request: LogQuestion, lines: number, how: LogTextOptions) {
  for (const per of PER_LINE) {
    const asked = Math.min(MAX_ASKED, lines * per);
    const log = new LogText(how);
    let given = 0;
    let kept: string[] = [];
    const keep = (text: string) => {
      if (text === '') return;
      kept.push(...text.slice(0, -1).split('\n'));
      if (kept.length > 2 * lines) kept = kept.slice(kept.length - lines);
    };
    const show = (record: LogRecord) => {
      given += record.kind === 'output' ? bytesOf(record).filter(byte => byte === 10).length : 1;
      keep(log.push(record));
      return undefined;
    };
    const end = await readLog(link, { ...request, follow: false, lines: asked, show });
    // What goes on may have half a line open.
    if (!request.follow || end.ended) keep(log.end());
    if (kept.length < lines && given >= asked && per !== PER_LINE.at(-1)) continue;
    const last = lines === 0 ? [] : kept.slice(-lines);
    return { ...end, log, text: last.map(line => `${line}\n`).join('') };
  }
  throw new Error('there is always a last try');
}
