/**
 * One connection's protocol state: which message may start now, what is running, when to stop reading, and how it
 * ends. server.ts makes one for each wire; nothing here throws into the transport.
 *
 *            received          fatal error, refused hello,
 *   ┌──────┐ ────────┐         end of input, server stops   ┌───────────┐ flushed and drained   ┌────────┐
 *   │ open │ <───────┘ ────────────────────────────────────>│ finishing │ ─────────────────────>│ closed │
 *   └──────┘                                                └───────────┘   or time is up       └────────┘
 *       └──────────────────────── the client is gone, or has stalled ───────────────────────────────^
 */
import { uptime } from 'node:os';
import { RasenError } from '../contract/errors.ts';
import { tooLargeAnswer } from './batch.ts';
import { FrameClock } from './frame-clock.ts';
import { answerHello, type Greeter, programOf } from './hello.ts';
import { Intake, type Received } from './intake.ts';
import type { Limits } from './limits.ts';
import {
  ALIVE,
  CANCEL,
  CODES,
  type ErrorObject,
  errorObject,
  errorText,
  HELLO,
  type Id,
  INTERNAL,
  isObject,
  notificationText,
  resultText,
} from './message.ts';
import { Outbox } from './outbox.ts';
import { exceeds, type Handler, type PeerSocket, Request } from './request.ts';
import type { Wire, WireEvents } from './wire.ts';

export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface PeerOptions {
  connection: number;
  methods: ReadonlyMap<string, Handler>;
  limits: Limits;
  greeter: Greeter;
  log: Log;
  /** Called once, when the connection is gone and everything of it is released. */
  closed(): void;
}

const ALIVE_TEXT = notificationText(ALIVE);

type Call = Received & { kind: 'request' | 'notification' };

export class Peer implements WireEvents, PeerSocket {
  readonly since_s = uptime();
  program: string | null = null;
  readonly #wire: Wire;
  readonly #options: PeerOptions;
  readonly #limits: Limits;
  readonly #intake: Intake;
  readonly #outbox: Outbox;
  readonly #clock: FrameClock;
  /** By id; a notification, which has none, by a symbol. */
  readonly #running = new Map<Id | symbol, Request>();
  #state: 'open' | 'finishing' | 'closed' = 'open';
  /** Taken from the intake, but there is no room to start it. */
  #held: Received | undefined;
  #reading = true;
  #pumping = false;
  #ended = false;
  #leaving: RasenError | undefined;
  #bad_frames = 0;
  /** Of performance.now(): when it came, was last asked something, or last answered. Half a line is nothing. */
  #active_at = performance.now();
  #discarded_bytes = 0;
  #probe: NodeJS.Timeout | undefined;
  #farewell: NodeJS.Timeout | undefined;

  constructor(wire: Wire, options: PeerOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#limits = options.limits;
    this.#outbox = new Outbox(wire, this.#limits, () => this.#stalled());
    this.#intake = new Intake(this.#limits, text => this.#outbox.send(text));
    this.#clock = new FrameClock(this.#limits, what => this.#timeout(what));
  }

  get fd(): number | null {
    return this.#wire.fd;
  }

  received(chunk: Buffer): void {
    if (this.#state !== 'open') {
      this.#discarded_bytes += chunk.length;
      if (this.#discarded_bytes > this.#limits.drain_bytes) this.#wire.destroy();
      return;
    }
    this.#intake.push(chunk);
    this.#pump();
  }

  drained(): void {
    this.#outbox.drained();
    this.#pump();
  }

  ended(): void {
    this.#ended = true;
    if (this.#state === 'open' && this.#intake.partial)
      this.#outbox.send(
        errorText(null, {
          code: CODES.parse_error,
          message: 'Parse error: the last line has no newline.',
          data: { kind: 'usage' },
        }),
      );
    this.#pump();
  }

  closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#release();
    clearTimeout(this.#farewell);
    this.#outbox.close();
    this.#abortAll(new RasenError('cancelled', 'The client is gone.'));
    this.#running.clear();
    this.#options.closed();
  }

  /** Of performance.now(): since when nothing was asked or is being answered; null: it is not idle. */
  get idle_since(): number | null {
    const busy = this.#running.size > 0 || this.#held !== undefined || this.#outbox.unsent > 0;
    return this.#state !== 'open' || busy ? null : this.#active_at;
  }

  /** Nothing complete was received yet. */
  get silent(): boolean {
    return this.#intake.frames === 0;
  }

  /** It is over, or about to be. */
  get finished(): boolean {
    return this.#state !== 'open';
  }

  /** There is no place for it any more. */
  turnAway(reason: RasenError): void {
    if (this.#state === 'open') this.#close(errorObject(reason)!);
  }

  /** Without the time that a client has to read the last lines. */
  destroy(): void {
    this.#wire.destroy();
  }

  /** The server stops: running requests are aborted, new ones refused, everything is flushed, then it ends. */
  leave(reason: RasenError): void {
    if (this.#state !== 'open' || this.#leaving) return;
    this.#leaving = reason;
    this.#abortAll(reason);
    this.#pump();
  }

  /** The time for leave() is up. What still runs is answered for, and the connection destroyed. */
  abandon(): void {
    if (this.#leaving && this.#state === 'open') {
      const error = errorObject(this.#leaving)!;
      for (const [key, request] of this.#running) {
        request.over();
        if (typeof key !== 'symbol') this.#outbox.send(errorText(key, error));
      }
    }
    this.#wire.destroy();
  }

  /** Starts what may be started. Every change that could make room ends up here. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const room = this.#startWhileRoom();
    this.#pumping = false;
    if (this.#state !== 'open') return;
    this.#setReading(room);
    this.#clock.observe({
      frames: this.#intake.frames,
      partial: this.#intake.partial && !this.#ended,
      reading: this.#reading,
    });
    const over = room && (this.#ended || this.#leaving !== undefined);
    if (over && this.#running.size === 0) this.#finish('flushed');
    else this.#setProbe();
  }

  /** False: stopped because something is full. */
  #startWhileRoom(): boolean {
    while (this.#state === 'open') {
      if (this.#outbox.over(this.#limits.unsent_bytes)) return false;
      const entry = this.#held ?? this.#intake.next();
      this.#held = undefined;
      if (entry === undefined) return true;
      this.#active_at = performance.now();
      if (entry === 'too_large') this.#tooLarge();
      else if (entry.kind === 'invalid') this.#invalid(entry);
      else if (entry.method.startsWith('$/')) this.#control(entry);
      else if (this.#running.size < this.#limits.in_flight) this.#start(entry as Call);
      else {
        this.#held = entry;
        return false;
      }
    }
    return true;
  }

  #invalid(entry: Received & { kind: 'invalid' }): void {
    this.#reply(entry, errorText(entry.id, entry.error));
    if (entry.batch) return;
    this.#bad_frames += 1;
    if (this.#bad_frames < this.#limits.bad_frames) return;
    this.#fail({
      code: CODES.invalid_request,
      message: `Closing: ${this.#bad_frames} lines in a row were no messages.`,
      data: { kind: 'usage' },
    });
  }

  /** Messages of the protocol itself. They need no room, so a full connection can still cancel. */
  #control(entry: Call): void {
    this.#bad_frames = 0;
    this.#refuse(entry, unknownMethod(entry.method));
    if (entry.kind === 'request' || entry.method !== CANCEL || !isObject(entry.params)) return;
    const running = this.#running.get(entry.params.id as Id);
    running?.abort(new RasenError('cancelled', `Request ${running.id} was cancelled.`));
  }

  #start(entry: Call): void {
    this.#bad_frames = 0;
    const handler = this.#options.methods.get(entry.method);
    if (entry.method === HELLO) this.#hello(entry);
    else if (this.#leaving) this.#refuse(entry, errorObject(this.#leaving) ?? INTERNAL);
    else if (entry.kind === 'request' && this.#running.has(entry.id))
      // Under the id itself the client would take this for the answer of the first request.
      this.#reply(entry, errorText(null, sameId(entry.id)));
    else if (handler) this.#run(entry, handler);
    else this.#refuse(entry, unknownMethod(entry.method));
  }

  #run(entry: Call, handler: Handler): void {
    const key = entry.kind === 'request' ? entry.id : Symbol(entry.method);
    const id = entry.kind === 'request' ? entry.id : '';
    const request = new Request(this.#options.connection, id, this.#outbox, this.#limits, this);
    this.#running.set(key, request);
    const settle = (answer: () => string) => {
      request.over();
      this.#active_at = performance.now();
      if (!this.#running.delete(key) || this.#state === 'closed') return;
      const text = answer();
      if (this.#state === 'open') this.#reply(entry, text);
      this.#pump();
    };
    const succeed = (value: unknown) => settle(() => this.#resultText(entry, value));
    const fail = (error: unknown) => settle(() => errorText(id, this.#errorOf(error, entry, request)));
    try {
      const outcome = handler(entry.params, request);
      if (isThenable(outcome)) outcome.then(succeed, fail);
      else succeed(outcome);
    } catch (error) {
      fail(error);
    }
  }

  #hello(entry: Call): void {
    if (entry.kind === 'notification') return;
    if (entry.batch) {
      const message = `Invalid request: ${HELLO} must not be in a batch.`;
      this.#refuse(entry, { code: CODES.invalid_request, message, data: { kind: 'usage' } });
      return;
    }
    try {
      const hello = answerHello(entry.params, this.#options.greeter);
      this.program = programOf(entry.params);
      this.#reply(entry, resultText(entry.id, hello));
    } catch (error) {
      this.#fail(errorObject(error) ?? INTERNAL, entry.id);
    }
  }

  #resultText(entry: Call, value: unknown): string {
    const id = entry.kind === 'request' ? entry.id : '';
    try {
      const text = resultText(id, value);
      const { max_frame_out_bytes } = this.#limits;
      return exceeds(text, max_frame_out_bytes) ? tooLargeAnswer(id, max_frame_out_bytes) : text;
    } catch (error) {
      return errorText(id, this.#bug(error, entry));
    }
  }

  #errorOf(error: unknown, entry: Call, request: Request): ErrorObject {
    // A handler that passes its signal on fails with an AbortError of whatever was waiting.
    const aborted = request.reason && error instanceof Error && error.name === 'AbortError';
    return errorObject(aborted ? request.reason : error) ?? this.#bug(error, entry);
  }

  #bug(error: unknown, { method }: Call): ErrorObject {
    const err = error instanceof Error ? error.stack : String(error);
    this.#options.log.error({ connection: this.#options.connection, method, err }, 'a method failed');
    return INTERNAL;
  }

  #refuse(entry: Call, error: ErrorObject): void {
    if (entry.kind === 'request') this.#reply(entry, errorText(entry.id, error));
  }

  #reply(entry: Received, text: string): void {
    if (entry.kind === 'notification') return;
    if (entry.batch) entry.batch.answer(entry.id, text);
    else this.#outbox.send(text);
  }

  #tooLarge(): void {
    const { max_frame_in_bytes } = this.#limits;
    this.#fail({
      code: CODES.frame_too_large,
      message: `A line is longer than ${max_frame_in_bytes} bytes.`,
      data: { kind: 'usage', max_bytes: max_frame_in_bytes },
    });
  }

  #timeout(what: string): void {
    this.#fail(errorObject(new RasenError('timeout', `Closing: ${what}.`))!);
  }

  #stalled(): void {
    const { connection, log } = this.#options;
    log.warn({ connection, unsent: this.#outbox.unsent }, 'a client does not read; disconnected');
    this.#wire.destroy();
  }

  /** Ends the connection with an error that the client gets to read. Nothing that came after is run. */
  #fail(error: ErrorObject, id: Id | null = null): void {
    const { connection, log } = this.#options;
    log.warn({ connection, code: error.code, reason: error.message }, 'connection closed');
    this.#close(error, id);
  }

  #close(error: ErrorObject, id: Id | null = null): void {
    this.#outbox.send(errorText(id, error));
    this.#finish('now');
    this.#abortAll(new RasenError('cancelled', error.message));
  }

  /**
   * Input is read and dropped for a while: destroying a socket with unread input would take the last lines from the
   * client. The time for that runs from now, or from the moment when everything is flushed.
   */
  #finish(from: 'now' | 'flushed'): void {
    this.#state = 'finishing';
    this.#release();
    const drain = () => {
      if (this.#state === 'finishing')
        this.#farewell ??= setTimeout(() => this.#wire.destroy(), this.#limits.drain_ms);
    };
    this.#wire.end(drain);
    if (from === 'now') drain();
    this.#wire.resume();
  }

  #release(): void {
    this.#clock.stop();
    clearInterval(this.#probe);
    this.#probe = undefined;
    this.#held = undefined;
  }

  #abortAll(reason: RasenError): void {
    for (const request of this.#running.values()) request.abort(reason);
  }

  #setReading(reading: boolean): void {
    if (this.#reading === reading) return;
    this.#reading = reading;
    if (reading) this.#wire.resume();
    else this.#wire.pause();
  }

  /**
   * After the end of input, and while we do not read, a client that is gone looks like one that waits. Only a write
   * tells: it fails, and closes the connection.
   */
  #setProbe(): void {
    const needed = this.#running.size > 0 && (this.#ended || !this.#reading);
    if (!needed) {
      clearInterval(this.#probe);
      this.#probe = undefined;
      return;
    }
    this.#probe ??= setInterval(() => {
      if (this.#outbox.unsent === 0) this.#outbox.send(ALIVE_TEXT);
    }, this.#limits.probe_ms);
  }
}

function unknownMethod(method: string): ErrorObject {
  const shown = method.length > 100 ? `${method.slice(0, 100)}…` : method;
  return {
    code: CODES.method_not_found,
    message: `Method not found: ${JSON.stringify(shown)}.`,
    data: { kind: 'usage' },
  };
}

function sameId(id: Id): ErrorObject {
  return {
    code: CODES.invalid_request,
    message: `Invalid request: id ${JSON.stringify(id)} is in flight already.`,
    data: { kind: 'usage', id },
  };
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
