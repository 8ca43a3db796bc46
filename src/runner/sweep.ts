/**
 * Whether anything is left of attempts whose command has ended: asked for many at once, since looking through the
 * process table costs more than everything else about a short attempt.
 */
import { findMembers, type MemberQuery } from './members.ts';

/** Least time between two looks at the process table, in ms; the first one is taken at once. */
const GAP_MS = 50;

interface Question {
  query: MemberQuery;
  answer: (empty: boolean) => void;
  fail: (error: unknown) => void;
}

export class Sweeper {
  #asked: Question[] = [];
  #timer: NodeJS.Timeout | null = null;
  #looked = Number.NEGATIVE_INFINITY;

  /** The runner of the attempt must be dead. Two looks in a row must find nothing: a fork can slip past one. */
  isEmpty(query: MemberQuery): Promise<boolean> {
    return new Promise((answer, fail) => {
      this.#asked.push({ query, answer, fail });
      this.#timer ??= setTimeout(() => this.#look(), Math.max(0, this.#looked + GAP_MS - performance.now()));
    });
  }

  #look(): void {
    const asked = this.#asked;
    this.#asked = [];
    this.#timer = null;
    try {
      const first = findMembers(asked.map(q => q.query));
      const empty = asked.filter(q => first.get(q.query.marker)!.length === 0);
      const second = findMembers(empty.map(q => q.query));
      for (const q of asked) q.answer(second.get(q.query.marker)?.length === 0);
    } catch (error) {
      for (const q of asked) q.fail(error);
    }
    this.#looked = performance.now();
  }
}
