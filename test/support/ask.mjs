// Asks a supervisor over its socket, and nothing else: `node ask.mjs SOCKET OUT CALLS [GATE]`. CALLS is JSON, a list of
// [method, params]; the answers go to OUT, as JSON, and OUT.begun is made before. With GATE it begins when that file is there.
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [socket_path, out, calls, gate] = process.argv.slice(2);
writeFileSync(`${out}.begun`, '');
while (gate && !existsSync(gate)) await sleep(20);
const answers = [];
for (const [method, params] of JSON.parse(calls)) {
  const answer = await new Promise(resolve => {
    const socket = connect(socket_path, () => {
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`);
    });
    let text = '';
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk;
      const line = text.split('\n').find((l, i, all) => i < all.length - 1 && JSON.parse(l).id === 1);
      if (line) {
        resolve(JSON.parse(line));
        socket.destroy();
      }
    });
    socket.on('error', error => resolve({ error: { message: error.message, data: { kind: 'no_socket' } } }));
  });
  answers.push(answer);
}
writeFileSync(`${out}.tmp`, JSON.stringify(answers));
renameSync(`${out}.tmp`, out);
