/**
 * Puts the agents in the versions that the tests know into a folder of their own, outside of the project and its
 * lockfile: RASEN_TEST_AGENTS, else one in the folder for temporary files, where it stays for the next run. One that
 * cannot be had is skipped, with the reason.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { messageOf } from '../../src/errors.ts';

const FOLDER = process.env.RASEN_TEST_AGENTS ?? join(tmpdir(), 'rasen-test-agents');
const INSTALL_MS_MAX = 300_000;

export const REAL = ['claude', 'codex', 'gemini'] as const;
export type Real = (typeof REAL)[number];

/** Those too that are spoken with in tests of their own. */
const KNOWN = [...REAL, 'opencode'] as const;
type Known = (typeof KNOWN)[number];

/** How it is started, or why not. */
export type Installed = { command: string[] } | { missing: string };

/** No scripts of theirs are run: what they would do, the paths here do without. */
const PACKAGES: Readonly<
  Record<Known, { name: string; version: string; command: (modules: string) => string[] }>
> = {
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
    version: '0.61.0',
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
  const agents = {} as Record<Known, Installed>;
  for (const known of KNOWN) agents[known] = await install(known);
  project.provide('agents', agents);
}

async function install(real: Known): Promise<Installed> {
  const { name, version, command } = PACKAGES[real];
  const folder = join(FOLDER, `${real}-${version}`);
  const argv = command(join(folder, 'node_modules'));
  if (existsSync(argv.at(-1)!)) return { command: argv };
  mkdirSync(folder, { recursive: true });
  try {
    const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    await promisify(execFile)('npm', [...args, `${name}@${version}`], {
      cwd: folder,
      timeout: INSTALL_MS_MAX,
    });
  } catch (error) {
    return { missing: messageOf(error).slice(0, 200) };
  }
  return existsSync(argv.at(-1)!)
    ? { command: argv }
    : { missing: `${name} has no program for this machine` };
}
