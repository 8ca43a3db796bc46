/** Tokens: named, with scopes, shown once when they are made. The file holds hashes alone. */
import { timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { RasenError } from '../contract/errors.ts';
import { hashOf, newSecret, StateFile } from './state.ts';
import { NAME, type Principal, SCOPES, type Scope } from './who.ts';

const PREFIX = 'rasen_';
/** More than anybody can tell apart. */
const TOKENS_MAX = 100;

const tokenFile = z.object({
  version: z.literal(1),
  tokens: z
    .array(
      z.object({
        name: z.string().regex(NAME),
        scopes: z.array(z.enum(SCOPES)),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        created_at: z.string(),
      }),
    )
    .max(TOKENS_MAX),
});
type TokenRow = z.infer<typeof tokenFile>['tokens'][number];
export type TokenInfo = Omit<TokenRow, 'sha256'>;

export class Tokens {
  readonly #file: StateFile<typeof tokenFile>;

  constructor(path: string) {
    this.#file = new StateFile(path, tokenFile, { version: 1, tokens: [] });
  }

  list(): TokenInfo[] {
    return this.#file.read().tokens.map(({ sha256: _, ...info }) => info);
  }

  /** The token, which is nowhere else from now on. Throws `usage` for a name that is taken or is none. */
  create(name: string, scopes: readonly Scope[]): string {
    if (!NAME.test(name))
      throw new RasenError('usage', `Not a name for a token: "${name}".`, {
        hint: 'Lower-case letters, digits, ".", "_" and "-", at most 20 of them.',
      });
    const { tokens } = this.#file.read();
    if (tokens.some(token => token.name === name))
      throw new RasenError('usage', `There is a token "${name}" already.`, {
        hint: `Replace it: rasen token rotate ${name}`,
      });
    if (tokens.length >= TOKENS_MAX)
      throw new RasenError('usage', `There are ${TOKENS_MAX} tokens already.`, {
        hint: 'Revoke one: rasen token revoke NAME',
      });
    const secret = PREFIX + newSecret();
    const created_at = new Date().toISOString();
    this.#save([...tokens, { name, scopes: [...scopes], sha256: hashOf(secret), created_at }]);
    return secret;
  }

  /** The same name and scopes with another secret; the old one is void at once. */
  rotate(name: string): string {
    const { tokens } = this.#file.read();
    const token = this.#named(tokens, name);
    const secret = PREFIX + newSecret();
    const fresh = { ...token, sha256: hashOf(secret), created_at: new Date().toISOString() };
    this.#save(tokens.map(other => (other === token ? fresh : other)));
    return secret;
  }

  revoke(name: string): void {
    const { tokens } = this.#file.read();
    const token = this.#named(tokens, name);
    this.#save(tokens.filter(other => other !== token));
  }

  /** Null: it is none of ours. All are compared, each in constant time. */
  verify(secret: string): Principal | null {
    const given = Buffer.from(hashOf(secret), 'hex');
    let found: TokenRow | null = null;
    for (const token of this.#file.read().tokens)
      if (timingSafeEqual(Buffer.from(token.sha256, 'hex'), given)) found = token;
    return found && { by: 'token', name: found.name, scopes: new Set(found.scopes) };
  }

  #save(tokens: TokenRow[]): void {
    this.#file.write({ version: 1, tokens });
  }

  #named(tokens: readonly TokenRow[], name: string): TokenRow {
    const token = tokens.find(other => other.name === name);
    if (token) return token;
    const names = tokens.map(other => other.name).join(', ');
    throw new RasenError('usage', `There is no token "${name}".`, {
      hint: names === '' ? 'Make one: rasen token create NAME' : `There are: ${names}`,
    });
  }
}
