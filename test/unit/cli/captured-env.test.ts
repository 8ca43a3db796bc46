/** The environment that a task gets. */
import { expect, test } from 'vitest';
import { capturedEnv } from '../../../src/cli/captured-env.ts';

test('the user’s variables are kept, those of this process are not', () => {
  const env = {
    PATH: '/bin',
    API_KEY: 'x',
    EMPTY: '',
    RASEN_HOME: '/x',
    npm_config_registry: 'x',
    NOTIFY_SOCKET: '/run/x',
    LISTEN_FDS: '1',
    WATCHDOG_USEC: '1',
    NODE_CHANNEL_FD: '3',
    NODE_OPTIONS: '--no-warnings',
    GONE: undefined,
  };
  expect(capturedEnv(env)).toEqual({ PATH: '/bin', API_KEY: 'x', EMPTY: '', NODE_OPTIONS: '--no-warnings' });
});
