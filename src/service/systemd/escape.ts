/** Quoting for unit files and environment files (systemd.syntax(7), systemd.exec(5)). Pure; used by units.ts. */

/** A value that takes specifiers and is otherwise as it stands: paths after ListenStream=, EnvironmentFile=. */
export function literal(text: string): string {
  return text.replaceAll('%', '%%');
}

/**
 * One word of a list: the program of ExecStart=, an assignment of Environment=. `$` stays: it is expanded in the
 * arguments of a program only, and there are none.
 */
export function word(text: string): string {
  const plain = literal(text);
  return /^[\w@%+=:,./$~-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** The value of a line in a file for EnvironmentFile=, which knows no specifiers and expands nothing. */
export function environmentValue(text: string): string {
  return `"${text.replaceAll(/["\\`$]/g, '\\$&')}"`;
}

/** The program of an ExecStart= that `word` wrote; null when there is none. */
export function programOf(unit: string): string | null {
  const value = /^ExecStart=(.+)$/m.exec(unit)?.[1];
  if (value === undefined) return null;
  const plain = value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
  return plain.replaceAll('%%', '%');
}
