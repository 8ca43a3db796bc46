/**
 * The word nearest to a mistyped one, for "did you mean". Used where a user's word is looked up in a known list:
 * config keys, commands, ids. Pure; it knows nothing of rasen.
 */

/** Longest word that is compared; a longer one is no typing mistake, and the cost is quadratic. */
const MAX_WORD = 64;

/**
 * The candidate with the smallest edit distance to `word`, or null when none is near enough to be a likely
 * mistake (a third of the longer word, at most 3). Equal distance: the first candidate wins.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const wanted = fold(word);
  if (wanted === '' || wanted.length > MAX_WORD) return null;
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = fold(candidate);
    if (other.length > MAX_WORD) continue;
    const allowed = Math.min(3, Math.max(1, Math.floor(Math.max(wanted.length, other.length) / 3)));
    const distance = editDistance(wanted, other);
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Case and the choice of - or _ are the cheapest mistakes; they cost nothing. */
function fold(word: string): string {
  return word.toLowerCase().replaceAll('-', '_');
}

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
