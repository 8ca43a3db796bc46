/** Every generated document: where it is and its text. Deterministic: the version goes in, no date, no environment. */
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { completionScript } from '../../src/cli/completion-script.ts';
import { configSchemaJson, planSchemaJson } from '../../src/config/index.ts';
import { openRpc } from './openrpc.ts';
import { rasen1 } from './rasen-1.ts';
import { rasenAgents7 } from './rasen-agents-7.ts';
import { rasenGateway8 } from './rasen-gateway-8.ts';
import { rasenMcp1 } from './rasen-mcp-1.ts';
import { rasenOvernight7 } from './rasen-overnight-7.ts';
import { rasenProtocol7 } from './rasen-protocol-7.ts';
import { rasenYml5 } from './rasen-yml-5.ts';
import { rasend8 } from './rasend-8.ts';

export interface Document {
  /** Relative to the top of the source tree. */
  path: string;
  text: string;
}

/** `version`: of package.json. */
export function documents(version: string): Document[] {
  return [
    { path: 'man/rasen.1', text: rasen1(version) },
    { path: 'man/rasend.8', text: rasend8(version) },
    { path: 'man/rasen-gateway.8', text: rasenGateway8(version) },
    { path: 'man/rasen-mcp.1', text: rasenMcp1(version) },
    { path: 'man/rasen.yml.5', text: rasenYml5(version) },
    { path: 'man/rasen-agents.7', text: rasenAgents7(version) },
    { path: 'man/rasen-overnight.7', text: rasenOvernight7(version) },
    { path: 'man/rasen-protocol.7', text: rasenProtocol7(version) },
    { path: 'man/openrpc.json', text: json(openRpc(version)) },
    { path: 'man/rasen.schema.json', text: json(configSchemaJson()) },
    { path: 'man/plan.schema.json', text: json(planSchemaJson()) },
    { path: 'packaging/completions/rasen.bash', text: completionScript('bash', COMMANDS) },
    { path: 'packaging/completions/_rasen', text: completionScript('zsh', COMMANDS) },
    { path: 'packaging/completions/rasen.fish', text: completionScript('fish', COMMANDS) },
  ];
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
