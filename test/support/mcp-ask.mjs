// A client of MCP in the place of an agent's own: `node mcp-ask.mjs RASEN HOME OUT CALLS`. CALLS is JSON, a list of
// [tool, arguments]; the answers go to OUT, as JSON, in one piece. `rasen mcp` is started with this environment.
import { renameSync, writeFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const [command, home, out, calls] = process.argv.slice(2);
const client = new Client({ name: 'test', version: '1' });
const env = { ...process.env, RASEN_HOME: home };
await client.connect(new StdioClientTransport({ command, args: ['mcp'], env, stderr: 'inherit' }));
const answers = [];
for (const [name, args] of JSON.parse(calls))
  answers.push(await client.callTool({ name, arguments: args }).catch(error => ({ thrown: error.message })));
await client.close();
writeFileSync(`${out}.tmp`, JSON.stringify(answers));
renameSync(`${out}.tmp`, out);
