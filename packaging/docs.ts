/**
 * `npm run docs`: writes the man pages, the OpenRPC document, the JSON Schemas and the completions, all made from the
 * objects that the code itself uses. The test in test/unit/docs compares the same texts with what is checked in.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { documents } from './docs/documents.ts';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

for (const { path, text } of documents(version)) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(path);
}
