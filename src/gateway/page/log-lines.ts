/** Records of a log as lines: pieces of output put together, sessions of agents as people read them. Keeps the last lines. */
import type { LogRecord } from '../../contract/methods/log.follow.ts';
import { type SessionText, sessionText } from '../../views/session/session-text.ts';

export interface LogLine {
  key: number;
  kind: 'event' | 'output' | 'said' | 'gap';
  level: string;
  mark: string;
  text: string;
}

/** Rows that the page holds; older ones are in the whole log. */
export const LINES_MAX = 2000;
/** A line without an end is shown in pieces of this size. */
const OPEN_CHARS_MAX = 64 * 1024;

interface Job {
  decoder: TextDecoder;
  rest: string;
  session: SessionText | null;
}

export class LogLines {
  lines: LogLine[] = [];
  dropped = 0;
  readonly #jobs = new Map<string, Job>();
  #key = 0;

  push(records: readonly LogRecord[]): void {
    for (const record of records) this.#take(record);
    const over = this.lines.length - LINES_MAX;
    if (over <= 0) return;
    this.dropped += over;
    this.lines = this.lines.slice(over);
  }

  #take(record: LogRecord): void {
    const { kind, t, level, subtask, text } = record;
    if (kind === 'event') {
      const at = t === null ? '' : `${new Date(t).toLocaleTimeString()} `;
      this.#add('event', level ?? 'INFO', at + text, '');
      return;
    }
    const mark = subtask ?? '';
    if (kind === 'gap') {
      this.#add('gap', 'WARNING', text, mark);
      return;
    }
    const key = record.job ?? '';
    const job = this.#jobs.get(key) ?? {
      decoder: new TextDecoder(),
      rest: '',
      session: record.agent ? sessionText(record.agent) : null,
    };
    this.#jobs.set(key, job);
    const piece = record.base64 ? job.decoder.decode(bytesOf(text), { stream: true }) : text;
    const lines = (job.rest + piece).split('\n');
    job.rest = lines.pop() ?? '';
    if (!job.session && job.rest.length > OPEN_CHARS_MAX) {
      lines.push(job.rest);
      job.rest = '';
    }
    for (const line of lines)
      if (job.session) for (const said of job.session.push(line)) this.#add('said', 'INFO', said.text, mark);
      else this.#add('output', 'INFO', line, mark);
  }

  #add(kind: LogLine['kind'], level: string, text: string, mark: string): void {
    // A carriage return is a progress bar: what was there last counts.
    const last = text.replace(/\r$/, '');
    this.lines.push({ key: this.#key++, kind, level, mark, text: last.slice(last.lastIndexOf('\r') + 1) });
  }
}

const bytesOf = (text: string) => Uint8Array.from(atob(text), char => char.charCodeAt(0));
