// client.mjs STOP: asks the supervisor every 3 ms, each time over a new connection, until the file STOP exists; then says
// what it met. A connection that was accepted and then broken (the supervisor was killed) is asked again once, as
// requests with a key may be; one that was not accepted is a refusal.
import { existsSync } from 'node:fs';
import { connect } from '/usr/local/lib/node_modules/rasen/dist/index.js';

const [stop] = process.argv.slice(2);
const seen = { asked: 0, answered: 0, refused: 0, broken: 0, failed: 0, longest_ms: 0, errors: {} };
const open = new Set();

async function once() {
  const client = await connect({ timeout_ms: 60_000 }).catch(error => {
    seen.refused++;
    throw error;
  });
  try {
    return await client.call('daemon.status', {}, { timeout_ms: 60_000 });
  } finally {
    client.close();
  }
}

async function ask() {
  const start = performance.now();
  seen.asked++;
  try {
    await once().catch(async error => {
      if (error.kind !== 'unreachable') throw error;
      seen.broken++;
      return once();
    });
    seen.answered++;
    seen.longest_ms = Math.max(seen.longest_ms, Math.round(performance.now() - start));
  } catch (error) {
    seen.failed++;
    const text = `${error.kind ?? error.code}: ${error.message}`;
    seen.errors[text] = (seen.errors[text] ?? 0) + 1;
  }
}

while (!existsSync(stop)) {
  // The socket's queue has a limit (Backlog=512), and so has what waits in it.
  if (open.size < 256) {
    const asking = ask().finally(() => open.delete(asking));
    open.add(asking);
  }
  await new Promise(resolve => setTimeout(resolve, 3));
}
await Promise.all(open);
console.log(JSON.stringify(seen));
