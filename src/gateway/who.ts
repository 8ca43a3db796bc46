/**
 * Who asks over HTTP, and what each may ask for. A request has the scopes of its token or session and nothing more; the
 * name goes into the hello of the connection to the supervisor, so that the journal says who decided.
 */
import { RasenError } from '../contract/errors.ts';

/**
 *   read     look at everything
 *   submit   hand over tasks
 *   control  stop, resume, cancel, retry, note, fire
 *   decide   answer, approve, merge, roll back, push, open pull requests
 */
export const SCOPES = ['read', 'submit', 'control', 'decide'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Principal {
  /** How it proved who it is; `socket`: it could open the Unix socket of the user. */
  by: 'token' | 'session' | 'socket' | 'tailscale' | 'hook';
  /** Name of the token, of the session, or of the user. */
  name: string;
  scopes: ReadonlySet<Scope>;
}

/** Fits what the supervisor takes as the name of a program: `gateway token phone`. */
export const NAME = /^[a-z0-9][a-z0-9._-]{0,19}$/;

export function principalName({ by, name }: Pick<Principal, 'by' | 'name'>): string {
  return `gateway ${by} ${name}`.slice(0, 40);
}

/** `all`, or names with commas. Throws `usage`. */
export function parseScopes(text: string): Scope[] {
  if (text === 'all') return [...SCOPES];
  const words = text.split(',').map(word => word.trim());
  const odd = words.find(word => !SCOPES.includes(word as Scope));
  if (odd !== undefined)
    throw new RasenError('usage', `Unknown scope: "${odd}".`, {
      hint: `Known scopes: ${SCOPES.join(', ')}, or all.`,
    });
  // Who may change something may look at it.
  return SCOPES.filter(scope => scope === 'read' || words.includes(scope));
}
