/** Where secrets of this user are, made from the environment and the paths of an instance. Nothing here touches the disk. */

import { dirname, join } from 'node:path';
import { ownHome } from '../host/user.ts';
import type { Paths } from '../paths.ts';

export interface SecretPlaces {
  /** What `~/` stands for. */
  home: string;
  /** The lines that `env:` looks at; beside the supervisor's own configuration. */
  secrets_env: string;
  /** Encrypted credentials, `NAME.cred`. */
  credentials: string;
  /** Where systemd has put the credentials of rasend's unit; null: no unit, or none of them. */
  unit_credentials: string | null;
}

export function secretPlaces(paths: Paths, env: NodeJS.ProcessEnv = process.env): SecretPlaces {
  const folder = dirname(paths.config);
  return {
    home: ownHome(env),
    secrets_env: join(folder, 'secrets.env'),
    credentials: join(folder, 'credentials'),
    unit_credentials: env.CREDENTIALS_DIRECTORY || null,
  };
}
