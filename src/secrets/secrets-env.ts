/** Every value in secrets.env, as it is now; read again when the file is another. */
import { statSync } from 'node:fs';
import { parseEnvFile } from './env-file.ts';
import { readPrivate } from './private-file.ts';
import { Unresolved } from './unresolved.ts';

export class SecretsEnv {
  /** By name. Another object when they were read again. */
  values: ReadonlyMap<string, string> = new Map();
  readonly #path: string;
  #stamp = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** None where there is no such file, or one that is not used. Throws what the system says. */
  async read(): Promise<ReadonlyMap<string, string>> {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    const stamp = found ? `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}` : '';
    if (stamp === this.#stamp) return this.values;
    this.values = found ? await readAll(this.#path) : new Map();
    this.#stamp = stamp;
    return this.values;
  }
}

async function readAll(path: string): Promise<ReadonlyMap<string, string>> {
  try {
    const values = parseEnvFile(await readPrivate(path, { system: 'no' }));
    return 'bad_line' in values ? new Map() : values;
  } catch (error) {
    if (error instanceof Unresolved) return new Map();
    throw error;
  }
}
