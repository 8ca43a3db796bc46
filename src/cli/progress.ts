/**
 * Progress of a task while a command waits for it. On a terminal one line a subtask, redrawn in place; else a line for
 * each change. `run`, `resume`, `wait` and `status --watch` use it.
 */
import type { TaskView } from '../index.ts';
import { safeText } from '../util/terminal-text.ts';
import type { Output, Stream } from './output.ts';
import { changeLines, progressLines } from './progress-lines.ts';

const TICK_MS = 1000;

export class Progress {
  readonly #stream: Stream;
  readonly #live: boolean;
  #views = new Map<string, TaskView>();
  /** By task and subtask, the last line of what is printed there. */
  readonly #said = new Map<string, Map<string, string>>();
  #drawn = 0;
  /** Something is asked: nothing is drawn over it. */
  #held = false;
  #later: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(out: Output, stream: Stream) {
    this.#stream = stream;
    this.#live = out.live(stream);
    // Lines that are longer than the terminal is wide are cut, or going up by lines would land elsewhere.
    if (this.#live) this.#timer = setInterval(() => this.#draw(), TICK_MS).unref();
  }

  show(view: TaskView): void {
    const before = this.#views.get(view.id);
    if (before && before.seq > view.seq) return;
    this.#views.set(view.id, view);
    if (this.#live) this.#draw();
    else for (const line of changeLines(before, view)) this.#line(line);
  }

  /** The last line that a subtask printed; drawn with the next tick. */
  hear(task: string, subtask: string, line: string): void {
    const said = this.#said.get(task) ?? new Map<string, string>();
    this.#said.set(task, said.set(subtask, line));
  }

  /** Takes the display away until `resume`, so that somebody can be asked. */
  hold(): void {
    this.clear();
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    for (const line of this.#later.splice(0)) this.#line(line);
    if (this.#live) this.#draw();
  }

  #line(line: string): void {
    if (this.#held) this.#later.push(line);
    else this.#stream.write(`${safeText(line)}\n`);
  }

  /** Takes the display away, so that something else can be written; the next view brings it back. */
  clear(): void {
    if (this.#drawn > 0) this.#stream.write(`\x1b[${this.#drawn}A\r\x1b[J`);
    this.#drawn = 0;
  }

  /** Leaves the last state on the screen. */
  end(): void {
    clearInterval(this.#timer);
    this.#held = false;
    for (const line of this.#later.splice(0)) this.#line(line);
    if (this.#live && this.#views.size > 0) this.#draw();
    this.#drawn = 0;
    this.#views = new Map();
  }

  #draw(): void {
    if (this.#held || this.#views.size === 0) return;
    const rows = Math.max(4, (this.#stream.rows ?? 24) - 1);
    const each = Math.max(2, Math.floor(rows / this.#views.size));
    const lines = [...this.#views.values()]
      .flatMap(view => progressLines(view, Date.now(), each, this.#said.get(view.id)))
      .slice(0, rows);
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : '';
    const body = lines.map(line => `${safeText(line)}\x1b[K\n`).join('');
    this.#stream.write(`\x1b[?7l${up}${body}\x1b[J\x1b[?7h`);
    this.#drawn = lines.length;
  }
}
