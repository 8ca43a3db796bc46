/** Temporary project folders for the tests of the configuration, removed after each test. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { isRasenError, type RasenError } from '../../../src/contract/errors.ts';

// The configuration of whoever runs the tests has no say.
process.env.HOME = '/nonexistent';

/** A project folder with these files. */
export function project(files: Record<string, string | Uint8Array> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'rasen-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

export const ID = '01jzv9k8s2m4q6t8w0y2a4c6e8';

export const data = (name: string) =>
  readFileSync(new URL(`../../data/config/${name}`, import.meta.url), 'utf8');

/** What the function throws, which must be a RasenError. */
export function refusal(run: () => unknown): RasenError {
  try {
    run();
  } catch (error) {
    if (isRasenError(error)) return error;
    throw new Error(`not a RasenError: ${error instanceof Error ? error.stack : error}`);
  }
  throw new Error('nothing was thrown');
}
