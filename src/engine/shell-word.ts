/** Words as one types them into a shell. */

/** One word, quoted where it has to be. Bytes that are no UTF-8 (util/exact-text.ts) as bash and zsh read them: `$'caf\xe9'`. */
export function shellWord(word: string): string {
  if (!word.isWellFormed()) return `$'${[...word].map(escaped).join('')}'`;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export const shellLine = (words: readonly string[]): string => words.map(shellWord).join(' ');

function escaped(char: string): string {
  if (!char.isWellFormed()) return `\\x${(char.charCodeAt(0) - 0xdc00).toString(16)}`;
  if (char === '\n') return '\\n';
  return char === "'" || char === '\\' ? `\\${char}` : char;
}
