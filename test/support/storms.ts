/** Crowds on the control socket: connections without manners, and what they cost the supervisor. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Instance } from './instance.ts';

/** Resident memory of the supervisor now, in MiB. */
export function residentMb({ daemon }: Instance): number {
  const status = readFileSync(`/proc/${daemon!.pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024);
}

/** An open connection; its errors are what the test is about and nobody's surprise. */
export function rawSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

export const frame = (id: number, method: string, params: unknown): string =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;

/** A new client connects, asks and is answered: how long that took, in ms. Throws when it is not answered. */
export async function askOnce(path: string): Promise<number> {
  const began = performance.now();
  const socket = await rawSocket(path);
  try {
    socket.write(frame(1, 'daemon.status', {}));
    const line = await new Promise<string>((resolve, reject) => {
      let text = '';
      socket.setEncoding('utf8').on('data', more => {
        text += more;
        if (text.includes('\n')) resolve(text);
      });
      socket.on('close', () => reject(new Error(`closed without an answer: ${text}`)));
    });
    const answer = JSON.parse(line.slice(0, line.indexOf('\n')));
    if (answer.id !== 1 || !('result' in answer)) throw new Error(`answered ${line.slice(0, 300)}`);
    return performance.now() - began;
  } finally {
    socket.destroy();
  }
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
