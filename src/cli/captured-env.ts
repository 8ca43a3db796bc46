/** The environment that a task's commands get: that of the user's shell, without what belongs to this process alone. */

/** ours; npm's, which would make every command believe to run in a script; the service manager's and node's sockets. */
const LEFT_OUT =
  /^(?:RASEN_|npm_|LISTEN_|WATCHDOG_|NODE_CHANNEL_)|^NOTIFY_SOCKET$|^MANAGERPID$|^INVOCATION_ID$/;

export function capturedEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && !LEFT_OUT.test(name)) kept[name] = value;
  return kept;
}
