/** What the server counted of tokens and dollars against what rasen says, over all tests, in one table at their end. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { inject } from 'vitest';
import type { Tokens } from './model-server.ts';
import { PRICES } from './ways.ts';

export interface Row {
  /** The program, its version, the way to speak with it. */
  who: string;
  what: string;
  server: Tokens;
  rasen: { input: number; output: number; usd: number | null };
  /** rasen says itself that this is not all. */
  partial: boolean;
}

export const dollarsOf = ({ input, cached, output }: Tokens): number =>
  ((input - cached) * PRICES.input + cached * PRICES.cache_read + output * PRICES.output) / 1_000_000;

export function noteCounted(row: Row): void {
  appendFileSync(inject('counted'), `${JSON.stringify(row)}\n`);
}

export function printCounted(file: string): void {
  if (!existsSync(file)) return;
  const rows = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Row)
    .sort((a, b) => `${a.who} ${a.what}`.localeCompare(`${b.who} ${b.what}`));
  const share = (ours: number, theirs: number) =>
    theirs === 0 ? '' : `${(((ours - theirs) / theirs) * 100).toFixed(1)} %`;
  console.log('Tokens and dollars as the server counted them, and as rasen says:');
  console.table(
    rows.map(({ who, what, server, rasen, partial }) => ({
      agent: who,
      what,
      read: server.input,
      'read, rasen': rasen.input,
      written: server.output,
      'written, rasen': rasen.output,
      off: share(rasen.input + rasen.output, server.input + server.output),
      usd: dollarsOf(server).toFixed(4),
      'usd, rasen': rasen.usd === null ? '-' : rasen.usd.toFixed(4),
      said: partial ? 'at least' : 'all',
    })),
  );
}
