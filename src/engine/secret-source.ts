/** References to secrets as texts, for messages and for plans that are written to a file. Pure. */
import type { SecretSource } from '../contract/spec.ts';

/** As users write it. Of a command only the program: the rest can be long. */
export function sourceText(source: SecretSource): string {
  if ('env' in source) return `env:${source.env}`;
  if ('file' in source) return `file:${source.file}`;
  if ('cmd' in source) return `cmd:${source.cmd[0]}`;
  if ('cred' in source) return `cred:${source.cred}`;
  return `keychain:${source.keychain}${source.account === null ? '' : `/${source.account}`}`;
}
