/** All commands of `rasen`, in the order of the help. Data only: the man page and completions are made from it, too. */
import type { AnyCommand } from '../command.ts';
import { answer } from './answer.ts';
import { cancel } from './cancel.ts';
import { completion } from './completion.ts';
import { configCheck, configSchema } from './config.ts';
import { doctor } from './doctor.ts';
import { each } from './each.ts';
import { ensure } from './ensure.ts';
import { events } from './events.ts';
import { gateway } from './gateway.ts';
import { gc } from './gc.ts';
import { HOOK_COMMANDS } from './hook.ts';
import { configImport, importProcesses } from './import.ts';
import { init } from './init.ts';
import { list } from './list.ts';
import { logs } from './logs.ts';
import { mcp, mcpInstall } from './mcp.ts';
import { merge } from './merge.ts';
import { metrics } from './metrics.ts';
import { note } from './note.ts';
import { notifyTest } from './notify.ts';
import { notifyLog } from './notify-log.ts';
import { planEdit, planImport, planShow } from './plan.ts';
import { pr } from './pr.ts';
import { reinit } from './reinit.ts';
import { report } from './report.ts';
import { resume } from './resume.ts';
import { retry } from './retry.ts';
import { rollback } from './rollback.ts';
import { run } from './run.ts';
import { SERVICE_COMMANDS } from './service.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { TOKEN_COMMANDS } from './token.ts';
import { TRIGGER_COMMANDS } from './trigger.ts';
import { wait } from './wait.ts';
import { web } from './web.ts';

export const COMMANDS: readonly AnyCommand[] = [
  init,
  run,
  each,
  ensure,
  status,
  report,
  logs,
  stop,
  resume,
  note,
  answer,
  merge,
  list,
  wait,
  cancel,
  events,
  reinit,
  planShow,
  planEdit,
  planImport,
  importProcesses,
  retry,
  rollback,
  ...TRIGGER_COMMANDS,
  notifyTest,
  notifyLog,
  configCheck,
  configImport,
  configSchema,
  pr,
  web,
  gateway,
  ...TOKEN_COMMANDS,
  ...HOOK_COMMANDS,
  metrics,
  mcp,
  mcpInstall,
  ...SERVICE_COMMANDS,
  doctor,
  gc,
  completion,
];

/** What the words stand for that have subcommands. */
export const GROUPS: Readonly<Record<string, string>> = {
  plan: 'Show or change the plan of a task',
  config: 'Check the configuration, or take over that of another tool',
  notify: 'Try the notifications, and see which were sent',
  mcp: 'Serve coding agents over MCP',
  trigger: 'What starts work by itself: times, intervals, changed files',
  service: 'Make rasend a service of the system',
  hook: 'Let triggers be called from outside',
  token: 'Make and revoke tokens for the HTTP API',
};
