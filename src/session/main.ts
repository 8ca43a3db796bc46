/**
 * The session program: the command of an attempt whose agent is spoken with while it works. A process of its own, so that
 * the conversation goes on when the supervisor ends. It decides nothing: what a session comes to is read from its output,
 * and whether the agent may go on is said by signals.
 */
import { readFileSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DIALOGUES } from '../agents/dialogues.ts';
import { EXIT, messageOf } from '../contract/errors.ts';
import { foreignError, replaceForeign } from '../host/foreign-file.ts';
import { bootId, startTimeOf } from '../runner/identity.ts';
import { placeIn } from '../runner/small-file.ts';
import { parseOrder, type SessionOrder } from './order.ts';
import { Session } from './session.ts';

async function main(args: readonly string[]): Promise<number> {
  const order = parseOrder(args[0]);
  const load = Object.hasOwn(DIALOGUES, order.kind) ? DIALOGUES[order.kind] : undefined;
  if (!load) throw new Error(`there is no way to speak with "${order.kind}"`);
  const dialogueOf = await load();
  const session = new Session(order, later => dialogueOf(order, later));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => session.stop());
  tellIdentity(order);
  return await session.run(readFileSync(0, 'utf8'));
}

/** Whoever stops the attempt asks this process first; see runner/stop.ts. */
function tellIdentity({ identity_file }: SessionOrder): void {
  const identity = { v: 1, boot: bootId(), pid: process.pid, start: startTimeOf(process.pid) };
  const place = placeIn(dirname(identity_file), basename(identity_file));
  const written = replaceForeign(place, `${JSON.stringify(identity)}\n`);
  if (!written.ok) throw foreignError(place, written);
}

main(process.argv.slice(2)).then(
  // What was left open, such as a pipe that a child of the agent's holds, must not keep us.
  code => process.exit(code),
  error => {
    writeSync(2, `rasen-session: ${messageOf(error)}\n`);
    process.exit(EXIT.internal);
  },
);
