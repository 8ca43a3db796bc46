/**
 * Once per run of the boot tests: says why they are skipped, or makes everything that machines share, and removes it in
 * the end. A run that was killed leaves folders and cgroups under its process id; the next one removes them.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { must } from './command.ts';
import { printTotals } from './counts.ts';
import {
  cgroupRoot,
  cgroupsNamed,
  killCgroup,
  loopsUnder,
  readText,
  removeCgroup,
  until,
  whyNot,
} from './host.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { makeProduct, type Product } from './product.ts';
import { makeSite, type System, smallRoot, systemdVersion } from './rootfs.ts';

const PLACE = '/var/tmp';
const PREFIX = 'rasen-boot-';

/** A root filesystem with its site layer: what goes under the product's layer. */
export interface Lower {
  layers: string[];
  /** Of systemd. */
  version: number;
}

export interface BootContext {
  /** Why nothing can be booted here. */
  why_not: string | null;
  run: string;
  cgroup_prefix: string;
  product: string;
  /** The layer in which rasen is not installed, with the packages of both versions. */
  deb_product: string;
  debs: Product['debs'];
  version: string;
  next_version: string;
  registry: string;
  /** A string is the reason why there is none. */
  systems: Record<System, Lower | string>;
}

declare module 'vitest' {
  export interface ProvidedContext {
    boot: BootContext;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = join(PLACE, `${PREFIX}${process.pid}`);
  const cgroup_prefix = `${PREFIX}${process.pid}-`;
  const why_not = whyNot();
  const none = 'not looked for';
  const context: BootContext = {
    ...{
      why_not,
      run,
      cgroup_prefix,
      product: '',
      deb_product: '',
      debs: none,
      version: '',
      next_version: '',
      registry: '',
    },
    systems: { host: none, small: none },
  };
  if (why_not) {
    console.log(`boot tests are skipped: ${why_not}`);
    project.provide('boot', context);
    return async () => {};
  }
  await removeLeftovers();
  const shared = sharedFolder(run);
  mkdirSync(shared, { recursive: true, mode: 0o755 });
  try {
    // Layers of an overlay must not lie inside each other, and one of the lowest ones is `/`.
    await must(['mount', '-t', 'tmpfs', '-o', 'size=2g,mode=0755', 'rasen-boot', shared]);
    const making = makeProduct(join(shared, 'product'));
    const [host, small] = await Promise.all([
      makeLower('host', async () => '/', shared),
      makeLower('small', smallRoot, shared),
      making.catch(() => {}), // looked at below: nothing may be at work any more when the folder is removed
    ]);
    const product = await making;
    const systems = { host, small };
    for (const name of ['host', 'small'] as const) {
      const system = systems[name];
      if (typeof system === 'string') continue;
      const machine = { name: `trial-${name}`, run, cgroup_prefix, lowers: system.layers };
      systems[name] = (await trial(machine)) ?? system;
    }
    for (const [name, system] of Object.entries(systems))
      console.log(
        `${name}: ${typeof system === 'string' ? `skipped: ${system}` : `systemd ${system.version}`}`,
      );
    if (typeof product.debs === 'string') console.log(`packages: skipped: ${product.debs}`);
    const { layer, deb_layer, debs, version, next_version, registry } = product;
    const made = { product: layer, deb_product: deb_layer, debs, version, next_version, registry, systems };
    project.provide('boot', { ...context, ...made });
  } catch (error) {
    await removeRun(run, cgroup_prefix);
    throw error;
  }
  return async () => {
    printTotals(run);
    await removeRun(run, cgroup_prefix);
  };
}

async function makeLower(name: System, root: () => Promise<string>, shared: string): Promise<Lower | string> {
  try {
    const path = await root();
    return { layers: [await makeSite(path, join(shared, name)), path], version: await systemdVersion(path) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Why a machine without rasen does not boot here, in one line; null when it does. */
async function trial(options: MachineOptions): Promise<string | null> {
  let machine: Machine | null = null;
  try {
    machine = await Machine.create(options);
    await machine.boot();
    return null;
  } catch (error) {
    return `no machine boots here: ${String(error).replaceAll(/\s+/g, ' ').slice(0, 1000)}`;
  } finally {
    await machine?.destroy();
  }
}

async function removeRun(run: string, cgroup_prefix: string): Promise<void> {
  for (const cgroup of cgroupsNamed(cgroup_prefix)) {
    killCgroup(cgroup);
    await until(`${cgroup} is empty`, () => removeCgroup(cgroup));
  }
  await until(`no loop device holds ${run}`, () => loopsUnder(`${run}/`).length === 0);
  const shared = sharedFolder(run);
  if (readText('/proc/self/mountinfo').includes(` ${shared} `)) await must(['umount', shared]);
  rmSync(run, { recursive: true, force: true });
}

/** A tmpfs with what all machines share. */
function sharedFolder(run: string): string {
  return join(run, 'shared');
}

/** Of runs whose process is gone. */
async function removeLeftovers(): Promise<void> {
  const names = [...readdirSync(PLACE), ...readdirSync(cgroupRoot())];
  const pids = new Set(
    names.map(name => new RegExp(`^${PREFIX}(\\d+)`).exec(name)?.[1]).filter(p => p !== undefined),
  );
  for (const pid of pids)
    if (!existsSync(`/proc/${pid}`)) await removeRun(join(PLACE, `${PREFIX}${pid}`), `${PREFIX}${pid}-`);
}
