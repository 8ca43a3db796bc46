/**
 * The ear of the supervisor: reads what a session of an agent says while it goes on, as its output grows, and keeps the
 * little that decide looks at. Holds nothing that the output does not: after a restart it is read again from its start.
 */
import type { Conversation, LiveSigns } from '../agents/agent.ts';
import { OutputLines } from '../agents/output-lines.ts';
import type { Signs } from '../engine/effect.ts';
import { ForeignHandle } from '../host/foreign-handle.ts';
import { droppedBytes } from '../runner/output-cap.ts';
import { placeIn } from '../runner/small-file.ts';

const CHUNK_BYTES = 256 * 1024;
/** Read in one go, of one session; the rest has time. */
const TURN_BYTES = 8 * 1024 * 1024;
/** As often the same call with the same answer, since the worktree last changed, goes in circles. */
export const LOOP_CALLS = 8;
/** From here on it is looked whether the worktree changes. */
const SUSPICIOUS_CALLS = 2;

export interface Listening {
  open: () => Conversation | null;
  /** The state of its worktree; null: it has none that could be compared. */
  tree: (() => Promise<string>) | null;
  /** Somebody counts what it uses. */
  metered: boolean;
}

export class Ear {
  /** null: not all that was said was read yet. */
  signs: Signs | null = null;
  readonly #folder: string;
  readonly #options: Listening;
  readonly #conversation: Conversation;
  readonly #lines: OutputLines;
  #offset = 0;
  #is_busy = false;
  #heard: LiveSigns | null = null;
  /** Calls that were looked at for progress. */
  #noted = 0;
  #progress_at: string | null = null;
  #loop: string | null = null;
  /** The worktree when a call first came again, and how many calls there were before. */
  #tree: { state: string; calls_made: number } | null = null;

  constructor(folder: string, conversation: Conversation, options: Listening) {
    this.#folder = folder;
    this.#options = options;
    this.#conversation = conversation;
    this.#lines = new OutputLines(line => conversation.feed(line));
  }

  /** Reads on. True: something is known now that decide looks at. */
  async listen(): Promise<boolean> {
    if (this.#is_busy) return false;
    this.#is_busy = true;
    try {
      const size = await this.#read();
      if (size === null) return false;
      const heard = this.#conversation.live();
      await this.#lookForLoop(heard);
      const before = this.signs;
      if (this.#offset < size) return false;
      this.#heard = heard;
      this.signs = this.#signsOf(heard);
      return before === null || this.#matters(before, this.signs);
    } finally {
      this.#is_busy = false;
    }
  }

  /** What was new, up to a bound. The size that the output has; null: it did not grow. Throws what is wrong with it. */
  async #read(): Promise<number | null> {
    const opened = ForeignHandle.open(placeIn(this.#folder, 'output'));
    if (!opened.ok) {
      if (opened.fault === 'missing') return null;
      throw new Error(opened.problem);
    }
    using file = opened.value;
    const { size, mtime } = await file.look();
    if (size <= this.#offset && this.#heard !== null) return null;
    const dropped = droppedBytes(this.#folder);
    if (dropped > this.#offset) {
      // What was not read of a line is gone; the rest of it is no line.
      this.#lines.end();
      this.#offset = dropped;
    }
    const end = Math.min(size, this.#offset + TURN_BYTES);
    while (this.#offset < end) {
      const bytes = await file.read(this.#offset, Math.min(CHUNK_BYTES, end - this.#offset));
      if (bytes.length === 0) break;
      this.#offset += bytes.length;
      this.#lines.push(bytes);
      this.#noteProgress(mtime);
    }
    return size;
  }

  /** An answer that is not like the last ones is progress; when it came, nobody knows better than the file. */
  #noteProgress(at: Date): void {
    const { calls, calls_made } = this.#conversation.live();
    const fresh = calls_made - this.#noted;
    if (fresh === 0) return;
    this.#noted = calls_made;
    const before = calls.slice(0, Math.max(0, calls.length - fresh));
    const added = calls.slice(-Math.min(fresh, calls.length));
    if (added.some((call, i) => !before.includes(call) && added.indexOf(call) === i))
      this.#progress_at = at.toISOString();
  }

  async #lookForLoop({ calls, calls_made }: LiveSigns): Promise<void> {
    const { tree } = this.#options;
    if (tree === null || this.#loop !== null) return;
    if (this.#tree === null) {
      if (oftenest(calls).times >= SUSPICIOUS_CALLS) this.#tree = await look(tree, calls_made);
      return;
    }
    const since = Math.min(calls.length, calls_made - this.#tree.calls_made);
    const { call, times } = oftenest(since > 0 ? calls.slice(-since) : []);
    if (call === null || times < LOOP_CALLS) return;
    const now = await look(tree, calls_made);
    if (now?.state === this.#tree.state) this.#loop = call;
    else this.#tree = now;
  }

  #signsOf({ usage, tools_running, through, answered }: LiveSigns): Signs {
    return {
      used: usage && { tokens: usage.input_tokens + usage.output_tokens, usd: usage.cost_usd ?? 0 },
      in_tool: tools_running > 0,
      through,
      answered,
      // Behind its hash, for people.
      loop: this.#loop?.replace(/^\S+ /, '') ?? null,
      progress_at: this.#progress_at,
    };
  }

  #matters(before: Signs, now: Signs): boolean {
    const grew = before.used?.tokens !== now.used?.tokens || before.used?.usd !== now.used?.usd;
    return (
      before.through !== now.through ||
      before.answered !== now.answered ||
      before.in_tool !== now.in_tool ||
      before.loop !== now.loop ||
      (this.#options.metered && grew)
    );
  }
}

/** A worktree that cannot be looked at now is asked again later. */
async function look(tree: () => Promise<string>, calls_made: number) {
  const state = await tree().catch(() => null);
  return state === null ? null : { state, calls_made };
}

/** The call that is there most often; hashes make equal what is equal. */
function oftenest(calls: readonly string[]): { call: string | null; times: number } {
  const times = new Map<string, number>();
  for (const call of calls) times.set(call, (times.get(call) ?? 0) + 1);
  let most: { call: string | null; times: number } = { call: null, times: 0 };
  for (const [call, count] of times) if (count > most.times) most = { call, times: count };
  return most;
}
