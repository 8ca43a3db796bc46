// told.mjs TASK PROJECT: asks for the task again and again, and says outside as soon as it is told that a subtask is
// completed. It ends with the machine, or when the task is over.
import { appendFileSync } from 'node:fs';
import { connect } from '/usr/local/lib/node_modules/rasen/dist/index.js';

const [task, project] = process.argv.slice(2);
const known = new Set();
const client = await connect();
for (;;) {
  const { subtasks, status } = await client.call('task.get', { task });
  for (const { id, status } of subtasks) {
    if (status !== 'completed' || known.has(id)) continue;
    known.add(id);
    appendFileSync('/outside/told', `${project}/${id}\n`);
  }
  if (status === 'completed') break;
  await new Promise(resolve => setTimeout(resolve, 20));
}
client.close();
