/** What a test of this folder needs: machines that are destroyed after it, and whose words are shown when it fails. */
import { inject, onTestFinished, test } from 'vitest';
import { type Filesystem, Machine } from './machine.ts';
import type { System } from './rootfs.ts';

export const boot = inject('boot');

/** A test that needs a machine: skipped where none can be booted, or the systemd it names is not to be had. */
export function bootTest(system: System = 'host') {
  return test.skipIf(boot.why_not !== null || typeof boot.systems[system] === 'string');
}

export function versionOf(system: System): number {
  const lower = boot.systems[system];
  return typeof lower === 'string' ? 0 : lower.version;
}

export interface Wish {
  system?: System;
  fs?: Filesystem;
  /** Already switched on; the default. */
  on?: boolean;
  /** How rasen is in it: installed with npm, the default, or waiting as packages for dpkg. */
  rasen?: 'npm' | 'deb';
}

let count = 0;

/** A machine of the calling test; it lives until the end of the test unless it is destroyed before. */
export async function newMachine({
  system = 'host',
  fs = 'ext4',
  on = true,
  rasen = 'npm',
}: Wish = {}): Promise<Machine> {
  const lower = boot.systems[system];
  if (typeof lower === 'string') throw new Error(`no ${system} root filesystem: ${lower}`);
  const { run, cgroup_prefix } = boot;
  const product = rasen === 'npm' ? boot.product : boot.deb_product;
  // Test files run in processes of their own.
  const name = `${system}-${fs}-${process.pid}-${++count}`;
  const machine = await Machine.create({ name, run, cgroup_prefix, lowers: [product, ...lower.layers], fs });
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const journal = await machine.journal(['-n', '80']).catch(error => String(error));
      console.log(`${machine.name}, its console:\n${machine.console()}\nits journal:\n${journal}`);
    }
    await machine.destroy();
  });
  if (on) await machine.boot();
  return machine;
}
