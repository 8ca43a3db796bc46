/**
 * Which files a program and its helper name to the system, from a log of `strace -f -y -e trace=%file,%process`. Programs
 * that they start are no part of them. Paths through a folder's descriptor are told as what they lead to.
 */
import { spawnSync } from 'node:child_process';

export const STRACE = ['strace', '-f', '-y', '-s', '4096', '-e', 'trace=%file,%process', '-e', 'signal=none'];

/** Whether processes may be traced here. */
export const CAN_TRACE = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;

/** `is_ours`: whether the words of a started program are those of one that belongs to the first. */
export function openedFiles(log: string, is_ours: (argv: string) => boolean): Set<string> {
  const ours = new Map<string, boolean>();
  const half = new Map<string, string>();
  const folders = new Map<string, string>();
  const paths = new Set<string>();
  for (const line of log.split('\n')) {
    const [, pid, rest] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || rest === undefined) continue;
    if (!ours.has(pid)) ours.set(pid, ours.size === 0);
    if (rest.endsWith('<unfinished ...>')) {
      half.set(pid, rest.slice(0, -'<unfinished ...>'.length));
      // What it leads to is known now, and may be another file's number when it is through.
      see(pid, rest);
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const call = resumed ? (half.get(pid) ?? '') + resumed[1] : rest;
    half.delete(pid);
    if (!resumed) see(pid, call);
    after(pid, call);
  }
  return paths;

  function see(pid: string, call: string): void {
    if (!ours.get(pid) || call.startsWith('execve')) return;
    for (const [, path = ''] of call.matchAll(/"([^"]*)"/g)) {
      const [, fd, name = ''] = /^\/proc\/self\/fd\/(\d+)(\/.*)?$/.exec(path) ?? [];
      if (fd === undefined) paths.add(path);
      else if (folders.has(fd)) paths.add(folders.get(fd) + name);
    }
  }

  function after(pid: string, call: string): void {
    const child = /^(?:clone3?|vfork|fork)\(.*\)\s+= (\d+)/.exec(call)?.[1];
    if (child !== undefined) ours.set(child, (ours.get(pid) ?? false) && call.includes('CLONE_THREAD'));
    const argv = /^execve\("[^"]*", \[(.*?)\].*\s= 0$/.exec(call)?.[1];
    if (argv !== undefined) ours.set(pid, is_ours(argv));
    const [, fd, path] = /\)\s+= (\d+)<([^>]*)>/.exec(call) ?? [];
    if (ours.get(pid) && fd !== undefined && path !== undefined) folders.set(fd, path);
  }
}
