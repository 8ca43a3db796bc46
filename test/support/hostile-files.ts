/**
 * What can be put where a file is expected. Each kind is a line of sh, with `$f` as the path (relative, in its folder),
 * `$OUT` as a folder that has nothing to do with rasen and holds `victim`, and `$NODE`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** For what goes on while the file is looked at: it ends with the attempt, or after a moment. */
const for_a_while = (what: string) =>
  `(i=0; while [ $i -lt 400 ]; do ${what}; i=$((i+1)); done) >/dev/null 2>&1 & sleep 0.2`;

export const KINDS = {
  'a FIFO': 'mkfifo "$f"',
  'a link to an endless device': 'ln -s /dev/zero "$f"',
  'a link out': 'ln -s "$OUT/victim" "$f"',
  'a link to where nothing is': 'ln -s "$OUT/made" "$f"',
  'a folder': 'mkdir -p "$f/in it"',
  'a second name of another file': 'ln "$OUT/victim" "$f"',
  '10 GB without a byte': 'truncate -s 10G "$f"',
  'a link to itself': 'ln -s "$f" "$f"',
  'a socket':
    '"$NODE" -e \'require("net").createServer().listen(process.argv[1], () => process.exit())\' "$f"',
  'nothing to be read (mode 0)': 'echo x >"$f"; chmod 0 "$f"',
  'a file that grows': for_a_while('head -c 100000 /dev/zero >>"$f"'),
  'now a file, now a FIFO, now nothing': for_a_while(
    'rm -f "$f"; mkfifo "$f"; rm -f "$f"; echo x >"$f"; rm -f "$f"',
  ),
  nothing: ':',
} as const;
export type Kind = keyof typeof KINDS;
export const ALL_KINDS = Object.keys(KINDS) as Kind[];

/** Names of a list in test/data/hostile. */
export function namesIn(list: string): string[] {
  return readFileSync(join(import.meta.dirname, '../data/hostile', list), 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'));
}

/** Script that puts a kind at a path; folders on the way are made. */
export function planting(kind: Kind, path: string): string {
  const at = path.lastIndexOf('/');
  const folder = at < 0 ? '.' : path.slice(0, at);
  return `mkdir -p "${folder}"; cd "${folder}" && f="${path.slice(at + 1)}" && rm -rf "$f"; ${KINDS[kind]}`;
}

const SECRET = 'outside-of-everything';

/** A folder that nothing may be read from or written to. */
export class Outside {
  readonly folder: string;
  readonly #before: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder);
    writeFileSync(join(folder, 'victim'), `{"${SECRET}": true}\n`.repeat(3), { mode: 0o600 });
    this.#before = this.#state();
  }

  get env(): Record<string, string> {
    return { OUT: this.folder, NODE: process.execPath };
  }

  /** What happened to it; '' is right. */
  changes(): string {
    const now = this.#state();
    return now === this.#before ? '' : `outside there was ${this.#before}, and now there is ${now}`;
  }

  /** Whether something that was read there stands in a text. */
  isIn(text: string): boolean {
    return text.includes(SECRET);
  }

  #state(): string {
    return JSON.stringify(readdirSync(this.folder).map(n => [n, readFileSync(join(this.folder, n), 'utf8')]));
  }
}
