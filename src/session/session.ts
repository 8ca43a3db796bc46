/**
 * One session with an agent: its program is started, spoken with by the dialogue of its kind, and its lines are copied to
 * the output as they are. Ends as the agent ends.
 *
 *   (lock) ─► start ─► begin ─► hear, notes ─► over: its input is closed ─► it ends, or is ended
 *                │         └──────── asked to stop: interrupted first
 *                └─ refused by an older version ─► the fallback, which runs by itself
 */

import type { Dialogue, Heard, Later } from '../agents/dialogue.ts';
import { errnoOf, messageOf } from '../contract/errors.ts';
import { AgentProcess } from './agent-process.ts';
import { Lines } from './lines.ts';
import { SessionLocks } from './lock.ts';
import { Notes } from './notes.ts';
import { EXIT_LOCKED, type SessionOrder } from './order.ts';
import { Output } from './output.ts';

/** Time to end for an agent that has nothing left to do, and for one that was interrupted, in ms. */
const OVER_MS = 10_000;
const INTERRUPT_MS = 5_000;
/** Time to print the record of a session, in ms, and how much of it is read. */
const RECORD_MS = 60_000;
const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/** It becomes an argument. */
const SESSION_ID = /^\w[\w-]*$/;
/** How much of the error channel is looked at, and what a program of an earlier version says there. */
const MAX_REFUSAL_CHARS = 16 * 1024;
const REFUSAL =
  /unrecognized subcommand|unexpected argument|unknown (?:option|command|argument)|invalid (?:value|choice)|is not a terminal/i;
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;

export class Session {
  readonly #order: SessionOrder;
  readonly #dialogue: Dialogue;
  readonly #output = new Output();
  readonly #locks: SessionLocks;
  #agent: AgentProcess | null = null;
  #notes: Notes | null = null;
  #over = false;
  #stopping = false;
  #locked = false;
  /** It has said something in the words of its kind. */
  #spoken = false;
  /** What the dialogue goes on with by itself, one after the other. */
  #later: Promise<void> = Promise.resolve();

  constructor(order: SessionOrder, dialogueOf: (later: Later) => Dialogue) {
    this.#order = order;
    this.#dialogue = dialogueOf(heard => {
      this.#later = this.#later.then(() => (this.#agent ? this.#goOn(this.#agent, heard) : undefined));
      // Its output is gone; whoever waits for it below hears of it.
      this.#later.catch(() => this.#agent?.kill());
    });
    this.#locks = new SessionLocks(order.locks_dir, order.kind);
  }

  /** Gives the exit code. */
  async run(prompt: string): Promise<number> {
    const { resume, argv, fallback } = this.#order;
    try {
      if (resume !== null && !(await this.#locks.take(resume))) {
        await this.#output.say({ type: 'rasen/session_locked', session: resume });
        return EXIT_LOCKED;
      }
      const stderr = fallback === null ? 'inherit' : 'pipe';
      const agent = await this.#start(argv, { stdout: 'pipe', stderr });
      if (typeof agent === 'number') return agent;
      const { code, refused } = await this.#converse(agent, prompt);
      if (!refused || fallback === null || this.#stopping) return code;
      this.#notes?.markDeaf();
      await this.#output.say({ type: 'rasen/fallback' });
      return await this.#alone(fallback, prompt);
    } finally {
      this.#notes?.close();
      this.#agent?.kill();
      this.#locks.release();
    }
  }

  /** Asked again, it does not wait. */
  stop(): void {
    const again = this.#stopping;
    this.#stopping = true;
    const words = again || !this.#spoken ? [] : this.#dialogue.interrupt();
    this.#agent?.say(words);
    this.#agent?.endWithin(words.length > 0 || (this.#over && !again) ? INTERRUPT_MS : 0);
  }

  /** A number: why it was not started, as an exit code. */
  async #start(
    argv: readonly string[],
    options: { stdout: 'pipe' | 'inherit'; stderr: 'pipe' | 'inherit' },
  ): Promise<AgentProcess | number> {
    try {
      const agent = await AgentProcess.start(argv, options);
      this.#agent = agent;
      this.#locks.holdFor(agent.pid);
      if (this.#stopping) agent.endWithin(0);
      return agent;
    } catch (error) {
      const reason = `${argv[0]} could not be started: ${messageOf(error)}`;
      await this.#output.say({ type: 'rasen/not_started', reason });
      return errnoOf(error) === 'ENOENT' ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    }
  }

  async #converse(agent: AgentProcess, prompt: string): Promise<{ code: number; refused: boolean }> {
    agent.say(this.#dialogue.begin(prompt));
    this.#notes = new Notes(this.#order.notes_dir, (text, note) => {
      const words = this.#over || this.#stopping ? null : this.#dialogue.note(text, note);
      if (words === null) return 'later';
      agent.say(words);
      if (this.#dialogue.answers_for_notes) return 'asked';
      // Where it cannot be written, nothing can: those who copy the agent's lines hear of it.
      this.#output.say({ type: 'rasen/note_said', note }).catch(() => {});
      return 'said';
    });
    this.#notes.look();
    const [complaint] = await Promise.all([this.#copyErrors(agent), this.#listen(agent)]);
    const code = await agent.ended;
    await this.#later;
    this.#notes.close();
    if (this.#locked) return { code: EXIT_LOCKED, refused: false };
    await this.#askRecord();
    if (this.#over && agent.signalled && !this.#stopping) {
      await this.#output.say({ type: 'rasen/ended_by_force' });
      return { code: 0, refused: false };
    }
    return { code, refused: code !== 0 && !this.#spoken && REFUSAL.test(complaint) };
  }

  /** Tells what the agent keeps of the session beyond what it said. */
  async #askRecord(): Promise<void> {
    const session = this.#dialogue.record?.session() ?? null;
    const { record } = this.#order;
    if (!record || session === null || !SESSION_ID.test(session) || this.#stopping) return;
    let program: AgentProcess;
    try {
      program = await AgentProcess.start([...record, session], { stdout: 'pipe', stderr: 'inherit' });
    } catch {
      return;
    }
    this.#agent = program;
    this.#locks.holdFor(program.pid);
    program.closeInput();
    program.endWithin(this.#stopping ? 0 : RECORD_MS);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of program.read('stdout')) {
      bytes += chunk.length;
      if (bytes > MAX_RECORD_BYTES) program.kill();
      else chunks.push(chunk);
    }
    await program.ended;
    const lines = this.#dialogue.record!.read(Buffer.concat(chunks).toString('utf8'));
    for (const line of lines) await this.#output.say(line);
    if (lines.length > 0) await this.#output.end();
  }

  async #listen(agent: AgentProcess): Promise<void> {
    const lines = new Lines();
    for await (const chunk of agent.read('stdout')) {
      const whole = [...lines.push(chunk)];
      await this.#output.write(Buffer.concat(whole.map(({ bytes }) => bytes)));
      for (const { heard } of whole) if (heard !== null && heard !== '') await this.#hear(agent, heard);
    }
    await this.#output.write(lines.rest());
    await this.#output.end();
  }

  async #hear(agent: AgentProcess, line: string): Promise<void> {
    this.#spoken ||= line.startsWith('{');
    await this.#goOn(agent, this.#dialogue.hear(line));
  }

  async #goOn(agent: AgentProcess, { say, print = [], took = [], over, session }: Heard): Promise<void> {
    for (const own of print) await this.#output.say(own);
    if (session !== undefined && !this.#locked && !(await this.#locks.take(session))) {
      this.#locked = true;
      await this.#output.say({ type: 'rasen/session_locked', session });
      agent.endWithin(0);
    }
    if (this.#locked) return;
    agent.say(say);
    for (const note of took) {
      this.#notes?.took(note);
      await this.#output.say({ type: 'rasen/note_said', note });
    }
    if (!over) this.#notes?.tell();
    // A note can be what it goes on with.
    else if (!this.#over && !this.#notes?.look()) this.#end(agent);
  }

  #end(agent: AgentProcess): void {
    this.#over = true;
    agent.closeInput();
    agent.endWithin(OVER_MS);
  }

  /** Gives the beginning of what was said there. */
  async #copyErrors(agent: AgentProcess): Promise<string> {
    let beginning = '';
    if (this.#order.fallback === null) return beginning;
    for await (const chunk of agent.read('stderr')) {
      if (beginning.length < MAX_REFUSAL_CHARS) beginning += chunk.toString('utf8');
      await this.#output.write(chunk, 2);
    }
    return beginning;
  }

  /** Without a word in between; it writes where we do. */
  async #alone(argv: readonly string[], prompt: string): Promise<number> {
    const agent = await this.#start(argv, { stdout: 'inherit', stderr: 'inherit' });
    if (typeof agent === 'number') return agent;
    agent.give(prompt);
    return await agent.ended;
  }
}
