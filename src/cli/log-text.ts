/**
 * Log records as text: events in the seed's form (`YYYY-MM-DD HH:MM:SS - LEVEL - message`, local time), output with its
 * subtask in front of every line (a session of an agent as people read it), or the output alone, byte for byte.
 */
import { StringDecoder } from 'node:string_decoder';
import type { LogRecord } from '../contract/methods/log.follow.ts';
import { sizeText } from '../views/session/entry.ts';
import { type Line, type SessionText, sessionText } from '../views/session/session-text.ts';
import { localTime } from './time.ts';

/** A line without an end is shown in pieces of this size. */
const MAX_LINE_CHARS = 64 * 1024;
const MAX_EVENT_CHARS = 4 * 1024 * 1024;
/** `18:45:23`, the end of a local time. */
const CLOCK_CHARS = 8;

/** The bytes of an output record. */
export function bytesOf(record: LogRecord): Buffer {
  return Buffer.from(record.text, record.base64 ? 'base64' : 'utf8');
}

export function eventLine(record: LogRecord): string {
  return `${localTime(record.t ?? '')} - ${record.level ?? 'INFO'} - ${record.text}\n`;
}

export interface LogTextOptions {
  /** Sessions of agents as their programs wrote them. */
  raw?: boolean;
  /** Without the name of the subtask in front of every line. */
  bare?: boolean;
}

interface Job {
  decoder: StringDecoder;
  line: string;
  mark: string;
  session: SessionText | null;
  /** Characters of an event that is too long, so far; it is not shown. */
  skipped: number;
}

/** Puts the pieces of outputs together to lines, each marked with its subtask. Keeps one open line per job. */
export class LogText {
  readonly #jobs = new Map<string, Job>();
  readonly #options: LogTextOptions;

  constructor(options: LogTextOptions = {}) {
    this.#options = options;
  }

  /** The text of a record that is complete by now. */
  push(record: LogRecord): string {
    if (record.kind === 'event') return eventLine(record);
    const mark = this.#options.bare ? '' : `[${record.subtask ?? ''}] `;
    if (record.kind === 'gap') return `${this.#flushJob(record.job ?? '')}${mark}… ${record.text}\n`;
    const key = record.job ?? '';
    const job = this.#jobs.get(key) ?? {
      decoder: new StringDecoder('utf8'),
      line: '',
      mark,
      session: this.#options.raw || !record.agent ? null : sessionText(record.agent),
      skipped: 0,
    };
    this.#jobs.set(key, job);
    const lines = (job.line + job.decoder.write(bytesOf(record))).split('\n');
    job.line = lines.pop()!;
    const text = lines.map(line => shown(job, line)).join('');
    // Events of a session can be longer than any line that is shown.
    if (job.line.length <= (job.session ? MAX_EVENT_CHARS : MAX_LINE_CHARS)) return text;
    const { line } = job;
    job.line = '';
    if (!job.session) return text + shown(job, line);
    job.skipped += line.length;
    return text;
  }

  /** What is left of lines that have no end. */
  end(): string {
    return [...this.#jobs.keys()].map(key => this.#flushJob(key)).join('');
  }

  #flushJob(key: string): string {
    const job = this.#jobs.get(key);
    if (!job) return '';
    this.#jobs.delete(key);
    const rest = job.line + job.decoder.end();
    const last = rest === '' && job.skipped === 0 ? '' : shown(job, rest);
    return last + (job.session?.end() ?? []).map(line => sessionLine(job, line)).join('');
  }
}

function shown(job: Job, line: string): string {
  if (!job.session) return `${job.mark}${line}\n`;
  if (job.skipped > 0) {
    const size = sizeText(job.skipped + line.length);
    job.skipped = 0;
    return `${job.mark}… an event of ${size}; with --raw it is whole\n`;
  }
  return job.session
    .push(line)
    .map(said => sessionLine(job, said))
    .join('');
}

function sessionLine({ mark }: Job, { t, text }: Line): string {
  return `${mark}${t === null ? '' : `${localTime(t).slice(-CLOCK_CHARS)} `}${text}\n`;
}
