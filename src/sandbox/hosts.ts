/** Lists of hosts, as users write them: `example.org`, `*.example.org`, `example.org:8443`, `127.0.0.1:11434`. Pure. */

import type { SandboxSpec } from '../contract/sandbox.ts';

export interface Host {
  /** Lower case, without brackets and without the dot at the end. */
  name: string;
  port: number;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** `host:port`, of a request; null: it is none. */
export function hostOf(text: string, port = 0): Host | null {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const number = Number(found?.[3] ?? port);
  if (!found || number < 1 || number > 65_535) return null;
  return { name: (found[1] ?? found[2]!).toLowerCase().replace(/\.$/, ''), port: number };
}

/** The entry that allows it; null: none does. */
export function allowedBy(entries: readonly string[], host: Host): string | null {
  return entries.find(entry => fits(entry, host)) ?? null;
}

function fits(entry: string, { name, port }: Host): boolean {
  const wild = entry.startsWith('*.');
  const wanted = hostOf(wild ? entry.slice(2) : entry, port);
  if (wanted === null || wanted.port !== port) return false;
  return wild ? name.endsWith(`.${wanted.name}`) : name === wanted.name;
}

/** This machine itself, by its name. */
export const isLoopback = ({ name }: Host) => LOOPBACK.test(name);

/** Entries that name a port of this machine: what is reached under it from a sandbox. */
export function ownPorts(entries: readonly string[]): Host[] {
  return entries.map(entry => hostOf(entry)).filter(host => host !== null && isLoopback(host)) as Host[];
}

/** A list, with the ports of this machine at which services are, of what programs find of these in their environment. */
export function withServices(
  network: SandboxSpec['network'],
  env: Readonly<Record<string, string>>,
): SandboxSpec['network'] {
  if (typeof network === 'string') return network;
  const named = new Set(ownPorts(network).map(({ port }) => port));
  const hosts = Object.entries(env).map(([name, value]) =>
    name.startsWith('RASEN_PORT_')
      ? hostOf(`127.0.0.1:${value}`)
      : name.startsWith('RASEN_URL_')
        ? hostOfUrl(value)
        : null,
  );
  const ports = new Set(hosts.flatMap(host => (host && isLoopback(host) ? [host.port] : [])));
  return [...network, ...[...ports].filter(port => !named.has(port)).map(port => `127.0.0.1:${port}`)];
}

function hostOfUrl(text: string): Host | null {
  const url = URL.parse(text);
  return url && hostOf(url.host, url.protocol === 'https:' ? 443 : 80);
}
