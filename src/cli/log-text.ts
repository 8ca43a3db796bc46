/**
 * Log records as text: events in the seed's form (`YYYY-MM-DD HH:MM:SS - LEVEL - message`, local time), output with its
 * subtask in front of every line, or the output alone, byte for byte.
 */
import { StringDecoder } from 'node:string_decoder';
import type { LogRecord } from '../methods/log.follow.ts';
import { localTime } from './time.ts';

/** A line without an end is shown in pieces of this size. */
const MAX_LINE_CHARS = 64 * 1024;

/** The bytes of an output record. */
export function bytesOf(record: LogRecord): Buffer {
  return Buffer.from(record.text, record.base64 ? 'base64' : 'utf8');
}

export function eventLine(record: LogRecord): string {
  return `${localTime(record.t ?? '')} - ${record.level ?? 'INFO'} - ${record.text}\n`;
}

/** Puts the pieces of outputs together to lines, each marked with its subtask. Keeps one open line per job. */
export class LogText {
  readonly #jobs = new Map<string, { decoder: StringDecoder; line: string; mark: string }>();

  /** The text of a record that is complete by now. */
  push(record: LogRecord): string {
    if (record.kind === 'event') return eventLine(record);
    if (record.kind === 'gap')
      return `${this.#flushJob(record.job ?? '')}[${record.subtask ?? ''}] … ${record.text}\n`;
    const key = record.job ?? '';
    const job = this.#jobs.get(key) ?? {
      decoder: new StringDecoder('utf8'),
      line: '',
      mark: `[${record.subtask ?? ''}] `,
    };
    this.#jobs.set(key, job);
    const lines = (job.line + job.decoder.write(bytesOf(record))).split('\n');
    job.line = lines.pop()!;
    if (job.line.length > MAX_LINE_CHARS) {
      lines.push(job.line);
      job.line = '';
    }
    return lines.map(line => `${job.mark}${line}\n`).join('');
  }

  /** What is left of lines that have no end. */
  end(): string {
    return [...this.#jobs.keys()].map(key => this.#flushJob(key)).join('');
  }

  #flushJob(key: string): string {
    const job = this.#jobs.get(key);
    this.#jobs.delete(key);
    const rest = job ? job.line + job.decoder.end() : '';
    return rest === '' ? '' : `${job!.mark}${rest}\n`;
  }
}
