/** Resource limits, read and told. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { atMost, ownRlimits, rlimitsInProc, ulimitWords } from '../../../src/host/rlimits.ts';

const PROC = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max core file size        0                    unlimited            bytes
Max resident set          5                    6                    bytes
Max processes             100                  200                  processes
Max open files            1024                 524288               files
Max locked memory         1025                 8192                 bytes
`;

it('are those of /proc, but for that which marks attempts', () => {
  expect(rlimitsInProc(PROC)).toEqual({
    cpu: { soft: null, hard: null },
    core: { soft: 0, hard: null },
    nproc: { soft: 100, hard: 200 },
    nofile: { soft: 1024, hard: 524_288 },
    memlock: { soft: 1025, hard: 8192 },
  });
});

it('are told in the units of ulimit, rounded up', () => {
  expect(ulimitWords(rlimitsInProc(PROC))).toBe(
    't:unlimited:unlimited c:0:unlimited l:2:8 u:100:200 n:1024:524288',
  );
});

it('go never above hard limits', () => {
  const most = {
    nofile: { soft: 10, hard: 4096 },
    core: { soft: 0, hard: 0 },
    cpu: { soft: null, hard: null },
  };
  expect(atMost(rlimitsInProc(PROC), most)).toMatchObject({
    nofile: { soft: 1024, hard: 4096 },
    core: { soft: 0, hard: 0 },
    nproc: { soft: 100, hard: 200 },
  });
});

it('are what a shell of ours has', () => {
  const said = execFileSync('/bin/sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }).trim();
  expect(ownRlimits().nofile?.hard).toBe(said === 'unlimited' ? null : Number(said));
});
