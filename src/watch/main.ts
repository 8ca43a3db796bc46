/**
 * rasen-watch: watches the files of one trigger, in a process of its own: its crash, or a tree that is larger than its
 * memory, is none of the supervisor's. Ends with its standard input.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Ack, Said, WatchOrder } from './order.ts';
import { Watcher } from './watcher.ts';

const say = (said: Said): void => {
  writeSync(1, `${JSON.stringify(said)}\n`);
};

let watcher: Watcher | null = null;
createInterface({ input: process.stdin })
  .on('line', line => {
    const said = JSON.parse(line) as WatchOrder | Ack;
    if ('ack' in said) watcher?.acknowledge(said.ack);
    else watcher = new Watcher(said, say);
  })
  .once('close', () => process.exit(0));
