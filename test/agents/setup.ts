/**
 * Finds the agents in the two versions each that the tests know. One of them comes with `npm ci`; the others are put into a
 * folder of their own, outside of the project and its lockfile: RASEN_TEST_AGENTS, else one in the folder for temporary
 * files, where they stay for the next run. Not each of them may be handed on, and all of them together are two gigabytes.
 * One that cannot be had is skipped, with the reason; the older ones are looked for where they are already, and installed with
 * RASEN_TEST_LONG=1 alone.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { testedOf } from '../../src/agents/tested.ts';
import { messageOf } from '../../src/contract/errors.ts';
import { LONG } from '../support/long.ts';
import { printCounted } from './counted.ts';

const FOLDER = process.env.RASEN_TEST_AGENTS ?? join(tmpdir(), 'rasen-test-agents');
const INSTALL_MS_MAX = 180_000;

export const PROGRAMS = ['claude', 'codex', 'gemini', 'opencode'] as const;
export type Program = (typeof PROGRAMS)[number];

/** How it is started, or why not. */
export type Installed = { command: string[]; version: string } | { missing: string };

/** Of src/agents/tested.ts: the newest one of the day on which it was written down, and one at least three months older. */
export const AGES = ['newest', 'older'] as const;
export type Age = (typeof AGES)[number];

interface Package {
  name: string;
  command: (modules: string) => string[];
}

/** No scripts of theirs are run: what they would do, the paths here do without. */
const PACKAGES: Readonly<Record<Program, Package>> = {
  claude: {
    name: '@anthropic-ai/claude-code',
    command: modules => [
      join(modules, `@anthropic-ai/claude-code-${process.platform}-${process.arch}`, 'claude'),
    ],
  },
  codex: {
    name: '@openai/codex',
    command: modules => [process.execPath, join(modules, '@openai/codex/bin/codex.js')],
  },
  gemini: {
    name: '@google/gemini-cli',
    command: modules => [process.execPath, join(modules, '@google/gemini-cli/bundle/gemini.js')],
  },
  opencode: {
    name: 'opencode-ai',
    command: modules => [join(modules, `opencode-${process.platform}-${process.arch}/bin/opencode`)],
  },
};
/** It comes with `npm ci`, so every run has it. */
const IN_LOCKFILE = 'gemini newest';

declare module 'vitest' {
  interface ProvidedContext {
    agents: Record<Program, Record<Age, Installed>>;
    /** A file in which the tests write down what was counted. */
    counted: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const found = PROGRAMS.map(async program => {
    const ages = await Promise.all(AGES.map(async age => [age, await find(program, age)] as const));
    return [program, Object.fromEntries(ages)] as const;
  });
  project.provide(
    'agents',
    Object.fromEntries(await Promise.all(found)) as Record<Program, Record<Age, Installed>>,
  );
  const folder = mkdtempSync(join(tmpdir(), 'rasen-counted-'));
  project.provide('counted', join(folder, 'rows'));
  return () => {
    printCounted(join(folder, 'rows'));
    rmSync(folder, { recursive: true });
  };
}

async function find(program: Program, age: Age): Promise<Installed> {
  const { name, command } = PACKAGES[program];
  const version = testedOf(program)[age === 'older' ? 'oldest' : 'newest'];
  const own = IN_LOCKFILE === `${program} ${age}`;
  const folder = own ? join(import.meta.dirname, '../..') : join(FOLDER, `${program}-${version}`);
  const argv = command(join(folder, 'node_modules'));
  const there = () => existsSync(argv.at(-1)!);
  if (there()) return { command: argv, version };
  // Half of the two gigabytes, for one test of each.
  if (age === 'older' && !LONG) return missing(program, version, 'RASEN_TEST_LONG=1 asks for it');
  // Not to be skipped: it is the one that every run has.
  if (own) throw new Error(`${name} is not installed: run npm ci`);
  try {
    await install(`${name}@${version}`, folder);
  } catch (error) {
    if (!there()) return missing(program, version, wordsOf(error));
  }
  return there()
    ? { command: argv, version }
    : missing(program, version, `${name} has no program for this machine`);
}

function missing(program: Program, version: string, why: string): Installed {
  console.log(`SKIPPED: the tests with ${program} ${version}, which is not installed: ${why}`);
  return { missing: why };
}

/** What npm says is behind the command that failed. */
function wordsOf(error: unknown): string {
  const said = [...messageOf(error).matchAll(/^npm (?:error|ERR!) (.+)$/gm)].map(([, words]) => words);
  return (said.slice(0, 3).join('; ') || messageOf(error)).slice(0, 300);
}

/** The folder is there when all of it is: an installation that was broken off is never taken for one. */
async function install(wanted: string, folder: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const made = mkdtempSync(join(FOLDER, '.new-'));
  try {
    const args = ['install', '--prefix', made, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    await promisify(execFile)('npm', [...args, wanted], { cwd: made, timeout: INSTALL_MS_MAX });
    renameSync(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
