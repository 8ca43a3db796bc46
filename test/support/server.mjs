/**
 * A server for tests. Writes `NAME PID` to starts, and listens on PORT, or on --port: at once, after `go-NAME` is there (--waits), or never
 * (--never). Its files are in --in. Ends with --code when `end-NAME` is there; answers 500 while `ill-NAME` is there. --flaps: ends as soon as it runs.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';

const [name, ...flags] = process.argv.slice(2);
const flagOf = flag => (flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
const port = Number(flagOf('--port') ?? process.env.PORT);
if (flagOf('--in')) process.chdir(flagOf('--in'));
const code = Number(flagOf('--code') ?? 1);
appendFileSync('starts', `${name} ${process.pid}\n`);
console.log(`${name} begins`);
if (flags.includes('--flaps')) process.exit(code);
const server = createServer((_request, response) => {
  response.statusCode = existsSync(`ill-${name}`) ? 500 : 200;
  response.end(`${name} ${process.pid}\n`);
});
const listen = () => server.listen(port, '127.0.0.1', () => console.log(`${name} listens`));
const may = () => !flags.includes('--never') && (!flags.includes('--waits') || existsSync(`go-${name}`));
let up = false;
setInterval(() => {
  if (!up && may()) {
    up = true;
    listen();
  }
  if (existsSync(`end-${name}`)) process.exit(code);
}, 10);
