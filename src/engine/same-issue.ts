/**
 * Whether a judge names an issue again in other words: a line number moved, a word was exchanged. Used when issues are
 * counted (fold-attempt.ts). Pure. What is named (files, identifiers, quoted words) has to be the same; of the other
 * words most. A wrong "same" stops a night, so in doubt two issues are two.
 */

/** Words in common over all words, from which two texts with the same names say the same. */
const SHARED = 0.7;
/** A path, a call, or a word that is written as in a program: `src/a.ts`, parseDate, MAX_SIZE, "token". */
const NAME =
  /[`'"][^`'"\s]+[`'"]|[\w.-]*[/\\][\w./\\-]+|\w+(?:\.\w+)+|\w*[\p{Ll}\d]\p{Lu}\w*|\w+_\w+|\w+(?=\()/gu;
/** Where it was this time. */
const PLACE = /:\d+(?::\d+)?\b|\b\d+\b/g;

/** The known issue that this text names, else null. `known` are texts as they were named first. */
export function knownIssue(text: string, known: readonly string[]): string | null {
  const key = plain(text);
  const lower = key.toLowerCase();
  return (
    known.find(other => other.toLowerCase() === lower) ?? known.find(other => isSame(key, other)) ?? null
  );
}

/** One line without a difference that nobody means. */
export function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 500);
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left.names !== right.names) return false;
  const shared = [...left.words].filter(word => right.words.has(word)).length;
  const all = left.words.size + right.words.size - shared;
  return all > 0 ? shared / all >= SHARED : left.names !== '';
}

function partsOf(text: string): { names: string; words: Set<string> } {
  const placed = text.replace(PLACE, ' ');
  const names = [...placed.matchAll(NAME)].map(([name]) => name.replace(/[`'"]/g, '').toLowerCase());
  const words =
    placed
      .replace(NAME, ' ')
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [];
  return { names: [...new Set(names)].sort().join(' '), words: new Set(words) };
}
