/**
 * What is wrong with a user's file: problems with their place, collected over the whole file and thrown as one
 * error, so that the user mends everything in one go. Used by all readers in this folder.
 */
import { RasenError } from '../contract/errors.ts';

/** Most problems that are kept; a file with more is not the file it was taken for. */
export const MAX_PROBLEMS = 50;
/** Longest key and longest message of a problem, in characters; both may quote what was found. */
const MAX_KEY = 200;
const MAX_MESSAGE = 1000;

/** A place in a text; both count from 1. */
export interface Place {
  line: number;
  column: number;
}

export interface Problem {
  /** As it is shown: relative to the project where it is inside. */
  file: string;
  line: number;
  column: number;
  /** Dotted path of the key, '' when the problem is not about one. */
  key: string;
  /** Without file, place and key. */
  message: string;
  /** What was probably meant, alone, for editors and programs. */
  suggestion: string | null;
}

/** Collects the problems of one source (a file, a variable of the environment). */
export class Problems {
  readonly list: Problem[] = [];
  /** Problems beyond MAX_PROBLEMS, only counted. */
  dropped = 0;
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  add(place: Place, key: string, message: string, suggestion: string | null = null): void {
    if (this.list.length >= MAX_PROBLEMS) {
      this.dropped++;
      return;
    }
    const { line, column } = place;
    this.list.push({
      file: this.file,
      line,
      column,
      key: shortened(key, MAX_KEY),
      message: shortened(message, MAX_MESSAGE),
      suggestion: suggestion !== null && suggestion.length > MAX_KEY ? null : suggestion,
    });
  }

  /** Further problems are only counted: nothing needs to be worked out for them. */
  get full(): boolean {
    return this.list.length >= MAX_PROBLEMS;
  }

  get any(): boolean {
    return this.list.length > 0;
  }

  /** Throws a RasenError of kind config when there is any problem. */
  throwIfAny(hint?: string): void {
    throwProblems([this], hint);
  }
}

const shortened = (text: string, max: number) => (text.length > max ? `${text.slice(0, max)}…` : text);

/** One error for the problems of all sources, in order. Nothing is thrown when there are none. */
export function throwProblems(sources: readonly Problems[], hint?: string): void {
  const problems = sources.flatMap(source =>
    source.list.toSorted((a, b) => a.line - b.line || a.column - b.column),
  );
  if (problems.length === 0) return;
  const dropped = sources.reduce((sum, source) => sum + source.dropped, 0);
  const lines = problems.map(problemLine);
  if (dropped > 0) lines.push(`… and ${dropped} more`);
  throw new RasenError('config', lines.join('\n'), {
    hint: hint ?? 'The keys and their meaning: man rasen.yml',
    data: { problems },
  });
}

/** `rasen.yml:12:3: key: message`; a source without lines (the environment) has only its name. */
export function problemLine(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return [place, problem.key, problem.message].filter(part => part !== '').join(': ');
}
