/** Which installed files are not as this version would write them. */
import { isFileAt, seenAt } from '../files.ts';
import type { ServiceFile } from '../service.ts';

export const outdated = (files: readonly ServiceFile[]): string[] =>
  files
    .filter(({ path, text }) => isFileAt(path) && timeless(seenAt(path)!) !== timeless(text))
    .map(({ path }) => path);

/** The umask is that of the day of the installation. */
const timeless = (text: string): string => text.replace(/^UMask=.*$/m, '');
