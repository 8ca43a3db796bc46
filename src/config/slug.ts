/** The slug of a task: part of its branch and of its worktree's folder name, readable and unique enough. */

const MAX_WORDS_CHARS = 40;

/** First words of the goal in kebab case, at most 40 characters, and the last 4 characters of the id. */
export function slugOf(goal: string, id: string): string {
  const words = goal
    .slice(0, 400)
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(word => word !== '');
  let slug = '';
  for (const word of words) {
    const longer = slug === '' ? word.slice(0, MAX_WORDS_CHARS) : `${slug}-${word}`;
    if (longer.length > MAX_WORDS_CHARS) break;
    slug = longer;
  }
  return `${slug || 'task'}-${id.slice(-4)}`;
}
