/**
 * Which process is at the other end of a TCP connection of this machine: the kernel's table says whose the socket is and
 * which inode it has, and the descriptors of the processes who holds that.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { endianness, networkInterfaces } from 'node:os';

export interface End {
  address: string;
  port: number;
}

export interface TcpRow {
  uid: number;
  /** 0: no process holds it any more. */
  inode: string;
}

export interface Holders {
  /** By inode. */
  found: Map<string, number>;
  /** Processes whose descriptors may not be read: what is held by nobody else is held by one of these. */
  closed: number[];
}

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];

/** The row of the socket that is bound to `own` and connected to `other`; null: it is on another machine, or gone. */
export function tcpRow(own: End, other: End, tables: readonly string[] = readTables()): TcpRow | null {
  const [from, to] = [textOf(own), textOf(other)];
  if (from === null || to === null) return null;
  for (const table of tables)
    for (const line of table.split('\n').slice(1)) {
      const [, local = '', remote = '', , , , , uid = '', , inode = ''] = line.trim().split(/\s+/);
      if (normal(local) === from && normal(remote) === to) return { uid: Number(uid), inode };
    }
  return null;
}

/** One search for all of these. */
export function holdersOf(inodes: ReadonlySet<string>): Holders {
  const found = new Map<string, number>();
  const closed: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      for (const fd of readdirSync(`/proc/${name}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(targetOf(`/proc/${name}/fd/${fd}`))?.[1];
        if (inode !== undefined && inodes.has(inode) && !found.has(inode)) found.set(inode, Number(name));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') closed.push(Number(name));
    }
  }
  return { found, closed };
}

/** Whether a connection from there comes from this machine. */
export function isOwnAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '').replace(/%.*$/, '');
  if (plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'))) return true;
  return Object.values(networkInterfaces()).some(all => all?.some(own => own.address === plain));
}

/** The real user of a process; null: it is gone. */
export function uidOf(pid: number): number | null {
  try {
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}

function readTables(): string[] {
  return TABLES.map(path => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      // No IPv6 here.
      return '';
    }
  });
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return '';
  }
}

const MAPPED = '00000000000000000000ffff';

/** `0100007F:3A99` as the kernel prints it, in network order; IPv4 in IPv6 is IPv4. */
function normal(text: string): string {
  const [hex = '', port = ''] = text.toLowerCase().split(':');
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.map(word => (endianness() === 'LE' ? word.match(/../g)!.reverse().join('') : word));
  return `${unmapped(bytes.join(''))}:${port}`;
}

function textOf({ address, port }: End): string | null {
  const hex = hexOf(address.replace(/%.*$/, ''));
  return hex && `${unmapped(hex)}:${port.toString(16).padStart(4, '0')}`;
}

const unmapped = (hex: string) => (hex.startsWith(MAPPED) ? hex.slice(MAPPED.length) : hex);

const byteHex = (text: string) => Number(text).toString(16).padStart(2, '0');

function hexOf(address: string): string | null {
  if (isIPv4(address)) return address.split('.').map(byteHex).join('');
  if (!isIPv6(address)) return null;
  // IPv4 at its end becomes two groups.
  const groups = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [byteHex(a) + byteHex(b), byteHex(c) + byteHex(d)].join(':'),
  );
  const [head = '', tail] = groups.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<string>(zeros).fill('0'), ...right]
    .map(group => group.padStart(4, '0'))
    .join('')
    .toLowerCase();
}
