/**
 * The file of variables for the service (systemd's EnvironmentFile=): one line in it is ours, the PATH of the login
 * shell; every other line is the user's and stays as it is. Pure. The line is ours as long as our comment is above it.
 */
import { MARK } from './files.ts';
import { environmentValue } from './systemd/escape.ts';

const COMMENT = `# The PATH of the login shell, taken by \`${MARK}\`; without this line, PATH is yours to set.`;

const HEAD = '# Variables of rasend; read when it starts. A line each: NAME="value".';

/** The text with our line brought up to date; `before`: the file as it is, null when there is none. */
export function withPath(before: string | null, path: string): string {
  const ours = `${COMMENT}\nPATH=${environmentValue(path)}\n`;
  if (before === null || before === '') return `${HEAD}\n${ours}`;
  const lines = before.split('\n');
  const at = lines.indexOf(COMMENT);
  if (at >= 0) return [...lines.slice(0, at), ours.trimEnd(), ...lines.slice(at + 2)].join('\n');
  if (lines.some(line => /^\s*PATH=/.test(line))) return before;
  return `${before.endsWith('\n') ? before : `${before}\n`}${ours}`;
}

/** Whether nothing but what `withPath` writes is in it. */
export function isOnlyOurs(text: string): boolean {
  const [head, comment, path, end, ...more] = text.split('\n');
  return (
    head === HEAD &&
    comment === COMMENT &&
    path?.startsWith('PATH=') === true &&
    end === '' &&
    more.length === 0
  );
}
