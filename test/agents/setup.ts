/**
 * Finds the agents in the versions that the tests know. One of them comes with `npm ci`; the others are put into a
 * folder of their own, outside of the project and its lockfile: RASEN_TEST_AGENTS, else one in the folder for temporary
 * files, where it stays for the next run. Not each of them may be handed on, and all of them together are a gigabyte.
 * One that cannot be had is skipped, with the reason.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { messageOf } from '../../src/contract/errors.ts';

const FOLDER = process.env.RASEN_TEST_AGENTS ?? join(tmpdir(), 'rasen-test-agents');
const INSTALL_MS_MAX = 180_000;

export const REAL = ['claude', 'codex', 'gemini'] as const;
export type Real = (typeof REAL)[number];

/** Those too that are spoken with in tests of their own. */
const KNOWN = [...REAL, 'opencode'] as const;
type Known = (typeof KNOWN)[number];

/** How it is started, or why not. */
export type Installed = { command: string[] } | { missing: string };

interface Package {
  name: string;
  /** null: the one in the lockfile. */
  version: string | null;
  command: (modules: string) => string[];
}

/** No scripts of theirs are run: what they would do, the paths here do without. */
const PACKAGES: Readonly<Record<Known, Package>> = {
  claude: {
    name: '@anthropic-ai/claude-code',
    version: '2.1.329',
    command: modules => [
      join(modules, `@anthropic-ai/claude-code-${process.platform}-${process.arch}`, 'claude'),
    ],
  },
  codex: {
    name: '@openai/codex',
    version: '0.169.0',
    command: modules => [process.execPath, join(modules, '@openai/codex/bin/codex.js')],
  },
  gemini: {
    name: '@google/gemini-cli',
    version: null,
    command: modules => [process.execPath, join(modules, '@google/gemini-cli/bundle/gemini.js')],
  },
  opencode: {
    name: 'opencode-ai',
    version: '1.18.33',
    command: modules => [join(modules, `opencode-${process.platform}-${process.arch}/bin/opencode`)],
  },
};

declare module 'vitest' {
  interface ProvidedContext {
    agents: Record<Known, Installed>;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const found = await Promise.all(KNOWN.map(async known => [known, await find(known)] as const));
  for (const [known, installed] of found)
    if ('missing' in installed)
      console.log(`SKIPPED: the tests with ${known}, which could not be installed: ${installed.missing}`);
  project.provide('agents', Object.fromEntries(found) as Record<Known, Installed>);
}

async function find(real: Known): Promise<Installed> {
  const { name, version, command } = PACKAGES[real];
  const own = version === null;
  const folder = own ? join(import.meta.dirname, '../..') : join(FOLDER, `${real}-${version}`);
  const argv = command(join(folder, 'node_modules'));
  const there = () => existsSync(argv.at(-1)!);
  if (there()) return { command: argv };
  // Not to be skipped: it is the one that every run has.
  if (own) throw new Error(`${name} is not installed: run npm ci`);
  try {
    await install(`${name}@${version}`, folder);
  } catch (error) {
    if (!there()) return { missing: wordsOf(error) };
  }
  return there() ? { command: argv } : { missing: `${name} has no program for this machine` };
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
