/**
 * Removes a folder that others can write with all that is in it: by a program, so that a million files hold up nobody,
 * and not where something is mounted in it, which would be emptied with it.
 */

import { execFile } from 'node:child_process';
import { readFile, rmdir, unlink } from 'node:fs/promises';
import { errnoOf, messageOf } from '../contract/errors.ts';
import { unlessTrouble } from './trouble.ts';

const REMOVE_MS_MAX = 120_000;

/** Why it is still there, for people; null: it is gone. Most folders are empty, and cost no program. */
export async function removeTree(path: string): Promise<string | null> {
  try {
    await rmdir(path);
    return null;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return null;
    if (errno === 'ENOTDIR') return await unlink(path).then(() => null, messageOf);
    if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST') return messageOf(error);
  }
  const mounted = await mountIn(path);
  if (mounted !== null) return `a file system is mounted at ${mounted}`;
  return await new Promise(resolve => {
    const options = { timeout: REMOVE_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
    execFile('rm', ['-rf', '--', path], options, (error, _, complaint) => {
      if (error === null) resolve(null);
      else if (error.killed) resolve(`it was not removed within ${REMOVE_MS_MAX / 1000} s`);
      else resolve(complaint.split('\n')[0] || error.message);
    });
  });
}

/** Removes a folder where nothing is in it. */
export async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch(() => {});
}

/** Where something is mounted, at the path or below it. Linux; elsewhere nobody can mount without being asked. */
export async function mountIn(path: string): Promise<string | null> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(unlessTrouble(''));
  for (const line of mounts.split('\n')) {
    const point = line
      .split(' ')[4]
      ?.replaceAll(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
    if (point === path || point?.startsWith(`${path}/`)) return point;
  }
  return null;
}
