/**
 * The door: every request passes here before it is routed. Host, origin, form of the body, who asks, what for. Rules and
 * the attacks behind them are in rasen-gateway(8), SECURITY.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Peer } from './inside.ts';
import { Refused } from './problem.ts';
import type { Sessions } from './sessions.ts';
import type { Tokens } from './tokens.ts';
import { type Principal, SCOPES, type Scope } from './who.ts';

export const COOKIE = 'rasen_session';
/** Longest body, in bytes. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Wrong logins in a row from one address that are answered at once; later ones wait. */
const FAILURES_FREE = 10;
const FAILURE_WINDOW_MS = 60_000;
const ADDRESSES_MAX = 1000;

const CHANGES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', ...CHANGES]);

export interface GuardOptions {
  /** Names under which this gateway is asked, in lower case and without a port. */
  hosts: readonly string[];
  tokens: Tokens;
  sessions: Sessions;
  /** A proxy of ours ends TLS; `X-Forwarded-Proto` counts. */
  behind_proxy: boolean;
  /** Logins of the tailnet that are let in; their header counts from tailscaled alone. */
  tailscale: readonly string[];
  /** Users that tailscaled runs as. */
  tailscale_uids: ReadonlySet<number>;
  peerOf(socket: Socket): Peer;
  /** Counted for /metrics. */
  onRefused?(kind: string): void;
}

/** What is known of a request that may go on. */
export interface Admitted {
  principal: Principal | null;
  secure: boolean;
}

/** No login is asked for: nothing of the user is told there; deliveries to hooks are signed. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz', '/session']);

export class Guard {
  readonly #options: GuardOptions;
  readonly #hosts: Set<string>;
  readonly #failures = new Map<string, { count: number; since: number }>();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#hosts = new Set(options.hosts.map(host => host.toLowerCase()));
  }

  /** More names under which it is asked. */
  addHosts(hosts: readonly string[]): void {
    for (const host of hosts) this.#hosts.add(host.toLowerCase());
  }

  /** Before routing. Throws `Refused`. */
  check(request: IncomingMessage, { page }: { page: boolean }): Admitted {
    const { unix } = this.#options.peerOf(request.socket);
    const secure = this.#isSecure(request);
    this.#checkHost(request, unix);
    const method = request.method ?? '';
    if (!METHODS.has(method)) throw new Refused('method_not_allowed', `${method} is not used here.`);
    const principal = this.#principal(request, unix);
    this.#checkSite(request, principal, secure);
    if (CHANGES.has(method)) checkBody(request);
    const path = pathOf(request);
    if (!principal && !page && !OPEN_PATHS.has(path) && !path.startsWith('/hooks/')) this.#refuse(request);
    return { principal, secure };
  }

  /** Throws `Refused` where the scope is missing, or where a change is not asked for by a person. */
  async need(scope: Scope, { principal }: Admitted, socket: Socket): Promise<Principal> {
    if (!principal) throw unauthorized('Log in first.');
    if (!principal.scopes.has(scope)) {
      this.#options.onRefused?.('scope');
      throw new Refused(
        'forbidden',
        `This needs the scope "${scope}", and ${principal.by} ${principal.name} has ${[...principal.scopes].join(', ')}.`,
      );
    }
    if (scope !== 'read') await this.#needPerson(socket);
    return principal;
  }

  async #needPerson(socket: Socket): Promise<void> {
    const place = await this.#options.peerOf(socket).place;
    if (place.is === 'outside') return;
    this.#options.onRefused?.(place.is);
    throw new Refused(
      'forbidden',
      place.is === 'unknown'
        ? `It cannot be told who asks: ${place.why}. Nothing was done.`
        : 'This request comes from inside a task. What runs there asks with the command rasen, and for less.',
    );
  }

  /** Whether a login of a stream that is open was not revoked meanwhile. */
  isStill({ by, name }: Principal, request: IncomingMessage): boolean {
    if (by === 'socket' || by === 'tailscale') return true;
    try {
      const now = this.#login(request);
      return now?.by === by && now.name === name;
    } catch {
      return false;
    }
  }

  #isSecure(request: IncomingMessage): boolean {
    if ('encrypted' in request.socket) return true;
    return this.#options.behind_proxy && request.headers['x-forwarded-proto'] === 'https';
  }

  /** A name that is not ours means that a page of somebody else's was made to resolve to this machine. */
  #checkHost(request: IncomingMessage, unix: boolean): void {
    const { host = '' } = request.headers;
    const twice = request.rawHeaders.filter((name, i) => i % 2 === 0 && /^host$/i.test(name)).length > 1;
    const name = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
    if (!twice && name && (this.#hosts.has(name) || (unix && name === 'rasen'))) return;
    this.#options.onRefused?.('host');
    throw new Refused(
      'misdirected',
      'This is not a name of this gateway. Add it with: rasen gateway --host NAME',
    );
  }

  /** Another site's page can send requests here, and the browser adds its headers, which the page cannot change. */
  #checkSite(request: IncomingMessage, principal: Principal | null, secure: boolean): void {
    const { origin, host } = request.headers;
    const site = request.headers['sec-fetch-site'];
    const changes = CHANGES.has(request.method ?? '');
    const foreign = () => {
      this.#options.onRefused?.('origin');
      return new Refused('forbidden', 'This request comes from a page of another site.');
    };
    if (origin !== undefined && origin !== `${secure ? 'https' : 'http'}://${host}`) throw foreign();
    if (typeof site === 'string' && site !== 'same-origin' && site !== 'none' && (changes || isApi(request)))
      throw foreign();
    // With a cookie alone it cannot be told who made the request, unless the browser says so.
    if (changes && principal?.by === 'session' && origin === undefined && site !== 'same-origin')
      throw foreign();
  }

  #principal(request: IncomingMessage, unix: boolean): Principal | null {
    if (unix) return { by: 'socket', name: 'local', scopes: new Set(SCOPES) };
    const found = this.#login(request);
    if (found) return found;
    if (request.headers.authorization !== undefined) this.#refuse(request);
    const login = request.headers['tailscale-user-login'];
    if (typeof login === 'string' && this.#options.tailscale.includes(login) && this.#isTailscale(request))
      return { by: 'tailscale', name: login.replaceAll(/[^\w.-]/g, '-'), scopes: new Set(SCOPES) };
    return null;
  }

  /** Any process of this machine can send the header; only root's or tailscaled's is not one of an attempt. */
  #isTailscale(request: IncomingMessage): boolean {
    const { uid } = this.#options.peerOf(request.socket);
    return isLoopback(request) && uid !== null && this.#options.tailscale_uids.has(uid);
  }

  #login({ headers }: IncomingMessage): Principal | null {
    if (headers.authorization !== undefined) {
      const secret = /^Bearer ([\w.~+/=-]{1,200})$/i.exec(headers.authorization)?.[1];
      return secret === undefined ? null : this.#options.tokens.verify(secret);
    }
    const cookie = cookieOf(headers.cookie);
    return cookie === null ? null : this.#options.sessions.verify(cookie);
  }

  /** The right token always gets in; only wrong ones are slowed. */
  #refuse(request: IncomingMessage): never {
    this.#options.onRefused?.('login');
    const address = request.socket.remoteAddress ?? '';
    const now = Date.now();
    const known = this.#failures.get(address);
    const fresh = !known || now - known.since > FAILURE_WINDOW_MS ? { count: 0, since: now } : known;
    fresh.count++;
    if (this.#failures.size >= ADDRESSES_MAX) this.#failures.clear();
    this.#failures.set(address, fresh);
    if (fresh.count > FAILURES_FREE) {
      const seconds = Math.ceil((fresh.since + FAILURE_WINDOW_MS - now) / 1000);
      throw new Refused('too_many_requests', 'Too many wrong logins from this address.', {
        'Retry-After': String(Math.max(1, seconds)),
      });
    }
    throw unauthorized(
      'A token is needed: Authorization: Bearer TOKEN. Make one with: rasen token create NAME',
    );
  }

  failedLogin(request: IncomingMessage): never {
    return this.#refuse(request);
  }
}

function unauthorized(message: string): Refused {
  return new Refused('unauthorized', message, { 'WWW-Authenticate': 'Bearer realm="rasen"' });
}

/** JSON alone, as it is: a form cannot send that type, and nothing is unpacked here. */
function checkBody(request: IncomingMessage): void {
  const { headers } = request;
  const length = Number(headers['content-length'] ?? 0);
  if (length > BODY_BYTES_MAX)
    throw new Refused('too_large', `The body is larger than ${BODY_BYTES_MAX} bytes.`, {
      Connection: 'close',
    });
  if (headers['content-encoding'] !== undefined)
    throw new Refused('unsupported_media_type', 'Bodies are taken as they are, without Content-Encoding.');
  const has_body = length > 0 || headers['transfer-encoding'] !== undefined;
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if ((has_body || type !== undefined) && type !== 'application/json')
    throw new Refused('unsupported_media_type', 'The body must be JSON: Content-Type: application/json');
}

const isApi = (request: IncomingMessage) => /^\/(?:v1|api|metrics|session)\b/.test(pathOf(request));

export function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

const isLoopback = ({ socket }: IncomingMessage) =>
  /^(?:127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '');

export function cookieOf(header: string | undefined): string | null {
  const found = (header ?? '')
    .split(';')
    .map(part => part.trim())
    .find(part => part.startsWith(`${COOKIE}=`));
  const value = found?.slice(COOKIE.length + 1) ?? '';
  return /^[\w-]{20,100}$/.test(value) ? value : null;
}
