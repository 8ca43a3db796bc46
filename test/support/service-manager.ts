/**
 * Plays the service manager of a real rasend: hands it sockets, hears what it says to them, signals it, starts it again.
 * The sockets are in fake-service-manager.py, which this class speaks with.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Instance, until } from './instance.ts';

const root = join(import.meta.dirname, '../..');

export interface ServiceManagerOptions {
  /** Handed over, in this order. */
  fds?: ('rpc' | 'sdnotify' | 'journal')[];
  /** NOTIFY_SOCKET instead of a descriptor, as before systemd 253. */
  notify_socket?: boolean;
  stderr_is_journal?: boolean;
  watchdog_usec?: number;
  /** LISTEN_PID is that of another process. */
  wrong_pid?: boolean;
  /** In place of rasend. */
  command?: string[];
  env?: Record<string, string>;
}

export class ServiceManager {
  /** What came over the notify socket, in order. */
  readonly notes: string[] = [];
  /** When the last note came, by Date.now(). */
  noted_at = 0;
  /** Entries of the journal. */
  readonly entries: Map<string, string>[] = [];
  stderr = '';
  pid: number | null = null;
  /** How the service ended last; null while it runs. By a signal: minus its number. */
  ended: number | null = null;
  readonly #child: ChildProcess;
  readonly #over: Promise<unknown>;
  #rest = '';

  constructor(rig: Instance, options: ServiceManagerOptions = {}) {
    const settings = {
      folder: rig.folder,
      socket: rig.socket,
      fds: options.fds ?? [],
      notify_socket: options.notify_socket ?? false,
      stderr_is_journal: options.stderr_is_journal ?? false,
      watchdog_usec: options.watchdog_usec ?? 0,
      pid_offset: options.wrong_pid ? 1 : 0,
      command: options.command ?? [join(root, 'bin/rasend')],
      env: { ...rig.env, RASEN_CAGE: 'group', ...options.env },
    };
    const program = join(import.meta.dirname, 'fake-service-manager.py');
    this.#child = spawn('python3', [program, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#over = new Promise(resolve => this.#child.once('close', resolve));
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** Starts the service and resolves when it says READY=1. */
  async start(): Promise<void> {
    const from = this.notes.length;
    this.launch();
    await this.note('READY=1', from);
  }

  launch(): void {
    this.ended = null;
    this.#tell('start');
  }

  signal(name: NodeJS.Signals): void {
    this.#tell(`signal ${name}`);
  }

  /** The journal is not read any more, as when journald hangs. */
  deaf(): void {
    this.#tell('deaf');
  }

  /** Resolves with the number of the first note from `from` on that begins so. */
  async note(start: string, from = 0): Promise<number> {
    const seen = () => `after ${JSON.stringify(this.notes.slice(from))}, pid ${this.pid}: ${this.stderr}`;
    const found = await until(`the note ${start}`, () => {
      if (this.ended !== null) throw new Error(`rasend ended with ${this.ended} ${seen()}`);
      const index = this.notes.findIndex((note, at) => at >= from && note.startsWith(start));
      return index >= 0 ? { index } : null;
    }).catch(error => {
      throw new Error(`${error.message} ${seen()}`);
    });
    return found.index;
  }

  /** It is read again, and what was said meanwhile is heard. */
  hear(): void {
    this.#tell('hear');
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    this.signal(signal);
    return this.whenEnded();
  }

  whenEnded(): Promise<number> {
    return until('the service ends', () => (this.ended === null ? null : { code: this.ended })).then(
      e => e.code,
    );
  }

  /** Kills what still runs. */
  async close(): Promise<void> {
    this.#child.stdin!.end();
    await this.#over;
  }

  #tell(words: string): void {
    this.#child.stdin!.write(`${words}\n`);
  }

  #noted(note: string): void {
    // With it systemd-notify waits until the note before it was read.
    if (note === 'BARRIER=1') return;
    this.notes.push(note);
    this.noted_at = Date.now();
  }

  #heard(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const event = JSON.parse(line) as {
        notify?: string;
        journal?: string;
        started?: number;
        ended?: number;
      };
      if (event.notify !== undefined) this.#noted(Buffer.from(event.notify, 'base64').toString());
      if (event.journal !== undefined) this.entries.push(decodeJournal(Buffer.from(event.journal, 'base64')));
      if (event.started !== undefined) this.pid = event.started;
      if (event.ended !== undefined) this.ended = event.ended;
    }
  }
}

/** An entry in the journal's native protocol, read as journald reads it. */
export function decodeJournal(datagram: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at < datagram.length; ) {
    const end = datagram.indexOf('\n', at);
    const line = datagram.toString('utf8', at, end);
    const equals = line.indexOf('=');
    if (equals > 0) {
      fields.set(line.slice(0, equals), line.slice(equals + 1));
      at = end + 1;
      continue;
    }
    const length = Number(datagram.readBigUInt64LE(end + 1));
    fields.set(line, datagram.toString('utf8', end + 9, end + 9 + length));
    if (datagram[end + 9 + length] !== 10) throw new Error(`the field ${line} does not end where it says`);
    at = end + 10 + length;
  }
  return fields;
}
