/**
 * What changed between two commits, as data for the diff gate: files, modes, sizes, and the lines that came and went.
 * Attributes in the tree cannot hide text (`*.ts -diff`): everything is compared as text.
 */
import { MAX_LINE_CHARACTERS, MAX_PATCH_BYTES, MAX_WHOLE_BYTES } from './limits.ts';
import { here, type Repository } from './repository.ts';
import { git } from './run.ts';

export interface ChangedLine {
  /** In the new file for added lines, in the old file for removed ones; from 1. */
  line: number;
  /** At most 4,096 characters. */
  text: string;
}

export interface FileChange {
  status: 'added' | 'modified' | 'deleted' | 'renamed' | 'copied' | 'type_changed';
  path: string;
  /** The path before, for renamed and copied files. */
  old_path: string | null;
  /** As git writes it: 100644, 100755, 120000 (link), 160000 (repository); 000000 for none. */
  mode: string;
  added: ChangedLine[];
  removed: ChangedLine[];
  /** Of a link (mode 120000): what it names. Null for other files, and where it is too long for one. */
  target: string | null;
  /** Size of the file after the change; 0 when it is gone. */
  bytes: number;
  /** Holds a NUL: its lines are not text and are left out. */
  binary: boolean;
  /** The whole file before and after, where it was asked for and is no larger than MAX_WHOLE_BYTES; null: not there. */
  whole?: { before: string | null; after: string | null };
}

export interface Changes {
  files: FileChange[];
  /** False when the patch was too long to be read to its end. */
  complete: boolean;
}

const STATUS: Record<string, FileChange['status']> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  T: 'type_changed',
};
const OPTIONS = ['-M', '--no-ext-diff', '--no-textconv', '--ignore-submodules=none'];

/** `wantsWhole`: of these files the whole text is read, too. */
export async function readChanges(
  repo: Repository,
  good: string,
  commit: string,
  wantsWhole: (path: string) => boolean = () => false,
): Promise<Changes> {
  const where = { ...here(repo), reads: true };
  const [raw, patch] = await Promise.all([
    git(['diff', ...OPTIONS, '--raw', '--no-abbrev', '-z', good, commit, '--'], where),
    git(['diff', ...OPTIONS, '--text', '--unified=0', good, commit, '--'], {
      ...where,
      max_bytes: MAX_PATCH_BYTES,
      cut: true,
    }),
  ]);
  const { files, blobs, before } = parseRaw(raw.stdout);
  addLines(files, patch.stdout);
  await addSizes(repo, files, blobs);
  await addTargets(repo, files, blobs);
  for (const [i, file] of files.entries())
    if (wantsWhole(file.path) || (file.old_path !== null && wantsWhole(file.old_path)))
      await addWhole(repo, file, before[i]!, blobs[i]!);
  return { files, complete: !patch.cut };
}

/** `:<mode> <mode> <id> <id> <status>`, then one path, or two for renames and copies; all ended by NUL. */
export function parseRaw(stdout: string): { files: FileChange[]; blobs: string[]; before: string[] } {
  const fields = stdout.split('\0');
  const files: FileChange[] = [];
  const blobs: string[] = [];
  const before: string[] = [];
  for (let i = 0; i + 1 < fields.length; ) {
    const [, mode = '', old = '', blob = '', letter = ''] = fields[i]!.split(' ');
    const isPair = /^[RC]/.test(letter);
    const path = fields[i + (isPair ? 2 : 1)]!;
    files.push({
      status: STATUS[letter.slice(0, 1)] ?? 'modified',
      path,
      old_path: isPair ? fields[i + 1]! : null,
      mode,
      added: [],
      removed: [],
      target: null,
      bytes: 0,
      binary: false,
    });
    blobs.push(blob);
    before.push(old);
    i += isPair ? 3 : 2;
  }
  return { files, blobs, before };
}

/**
 * The patch has the files in the order of the raw list, one header each; a change of type has two (old gone, new come).
 * Content lines start with `+`, `-` or `\`, so a header cannot be forged by a file.
 */
export function addLines(files: FileChange[], patch: string): void {
  const owners = files.flatMap(file => (file.status === 'type_changed' ? [file, file] : [file]));
  let next = 0;
  let file: FileChange | undefined;
  let isHunk = false;
  let oldLine = 0;
  let newLine = 0;
  for (const row of patch.split('\n')) {
    if (row.startsWith('diff --git ')) {
      file = owners[next];
      next += 1;
      isHunk = false;
    } else if (row.startsWith('@@ ')) {
      const at = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(row);
      oldLine = Number(at?.[1]);
      newLine = Number(at?.[2]);
      isHunk = true;
    } else if (file && isHunk && row.startsWith('+')) {
      take(file, file.added, newLine, row);
      newLine += 1;
    } else if (file && isHunk && row.startsWith('-')) {
      take(file, file.removed, oldLine, row);
      oldLine += 1;
    }
  }
}

function take(file: FileChange, lines: ChangedLine[], line: number, row: string): void {
  if (row.includes('\0')) file.binary = true;
  const text = row.slice(1, 1 + MAX_LINE_CHARACTERS).replace(/\r$/, '');
  lines.push({ line, text });
}

async function addSizes(repo: Repository, files: FileChange[], blobs: string[]): Promise<void> {
  const present = files.flatMap((file, i) =>
    /^0+$/.test(blobs[i]!) || file.mode === '160000' ? [] : [{ file, blob: blobs[i]! }],
  );
  if (present.length === 0) return;
  const { stdout } = await git(['cat-file', '--batch-check=%(objectsize)'], {
    ...here(repo),
    reads: true,
    input: present.map(({ blob }) => `${blob}\n`).join(''),
  });
  const sizes = stdout.split('\n');
  present.forEach(({ file }, i) => {
    file.bytes = Number(sizes[i]) || 0;
  });
}

/** A renamed link has no line in the patch, and may lead elsewhere from its new place. */
async function addTargets(repo: Repository, files: FileChange[], blobs: string[]): Promise<void> {
  const links = files.flatMap((file, i) =>
    file.mode === '120000' && file.bytes > 0 && file.bytes <= MAX_LINE_CHARACTERS
      ? [{ file, blob: blobs[i]! }]
      : [],
  );
  if (links.length === 0) return;
  const { stdout } = await git(['cat-file', '--batch'], {
    ...here(repo),
    reads: true,
    binary: true,
    input: links.map(({ blob }) => `${blob}\n`).join(''),
  });
  let from = 0;
  for (const { file } of links) {
    const start = stdout.indexOf('\n', from) + 1;
    file.target = Buffer.from(stdout.slice(start, start + file.bytes), 'latin1').toString('utf8');
    from = start + file.bytes + 1;
  }
}

async function addWhole(repo: Repository, file: FileChange, before: string, after: string): Promise<void> {
  const texts: (string | null)[] = [];
  for (const blob of [before, after]) {
    if (/^0+$/.test(blob)) {
      texts.push(null);
      continue;
    }
    const { stdout, cut } = await git(['cat-file', 'blob', blob], {
      ...here(repo),
      reads: true,
      max_bytes: MAX_WHOLE_BYTES,
      cut: true,
    });
    if (cut) return;
    texts.push(stdout);
  }
  file.whole = { before: texts[0]!, after: texts[1]! };
}
