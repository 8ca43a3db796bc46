/** The ways in which the programs are used: each program's own, and those that speak the Agent Client Protocol over it, too. */
import type { Backend } from '../../src/contract/backends.ts';
import type { Program } from './setup.ts';

/** The discard service: nobody has it, and a connection is refused at once. */
export const NOWHERE = 'http://127.0.0.1:9';

export interface Way {
  program: Program;
  backend: Backend;
  /** Arguments after its program that lead it to the model of the test. */
  args(url: string): string[];
  model: string;
  /** Variables, and files below the home, that lead it there, too. */
  env(url: string): Record<string, string>;
  files(url: string): Record<string, Record<string, unknown>>;
  /** It tells what a session used: after each call of the model, or only when it is over. */
  tokens: 'calls' | 'end';
  says_cost: boolean;
  /** It makes a database in a home that is new, which takes its time where others work. */
  slow?: true;
}

/** A provider of its own is how codex is led to another address. */
const codexProvider = (url: string) =>
  Object.entries({
    model_provider: '"test"',
    'model_providers.test.name': '"test"',
    'model_providers.test.base_url': `"${url}/v1"`,
    'model_providers.test.env_key': '"OPENAI_API_KEY"',
    'model_providers.test.wire_api': '"responses"',
    'model_providers.test.request_max_retries': '1',
    'model_providers.test.stream_max_retries': '1',
  }).flatMap(([key, value]) => ['-c', `${key}=${value}`]);

/** As a catalogue of models would say it: dollars for a million tokens. */
export const PRICES = { input: 3, output: 15, cache_read: 0.3, cache_write: 3.75 };

const opencodeConfig = (url: string) => ({
  share: 'disabled',
  autoupdate: false,
  small_model: 'test/test-model',
  provider: {
    test: {
      npm: '@ai-sdk/openai-compatible',
      options: { baseURL: `${url}/v1`, apiKey: '{env:OPENAI_API_KEY}' },
      models: {
        'test-model': { limit: { context: 200_000, output: 32_000 }, cost: PRICES, tool_call: true },
      },
    },
  },
});

/**
 * An address of one's own has no login that gemini would find by itself. Its patience, and whether it tells its maker how
 * it is used, can be set nowhere else.
 */
const geminiSettings = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  general: { maxAttempts: 2, enableAutoUpdate: false },
  privacy: { usageStatisticsEnabled: false },
};

const claude: Way = {
  program: 'claude',
  backend: 'claude',
  args: () => [],
  model: 'claude-sonnet-4-5',
  // The program's own patience is not what is tested.
  env: url => ({ ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: url, CLAUDE_CODE_MAX_RETRIES: '1' }),
  files: () => ({}),
  tokens: 'calls',
  says_cost: true,
};

const codex: Way = {
  program: 'codex',
  backend: 'codex',
  args: codexProvider,
  model: 'gpt-5.5',
  env: () => ({ OPENAI_API_KEY: 'test-key' }),
  files: () => ({}),
  tokens: 'calls',
  says_cost: false,
};

const gemini: Way = {
  program: 'gemini',
  backend: 'gemini',
  args: () => [],
  model: 'gemini-2.5-pro',
  env: url => ({ GEMINI_API_KEY: 'test-key', GOOGLE_GEMINI_BASE_URL: url }),
  files: () => ({ '.gemini/settings.json': geminiSettings }),
  tokens: 'end',
  says_cost: false,
};

const opencode: Way = {
  program: 'opencode',
  backend: 'opencode',
  args: () => [],
  model: 'test/test-model',
  env: () => ({
    OPENAI_API_KEY: 'test-key',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
  }),
  files: url => ({ '.config/opencode/opencode.json': opencodeConfig(url) }),
  tokens: 'calls',
  says_cost: true,
  slow: true,
};

export const WAYS = {
  claude,
  codex,
  gemini,
  opencode,
  'opencode over acp': { ...opencode, backend: 'acp', args: () => ['acp'], tokens: 'end' },
  'gemini over acp': { ...gemini, backend: 'acp', args: () => ['--acp'], tokens: 'end' },
} as const satisfies Readonly<Record<string, Way>>;
export type WayName = keyof typeof WAYS;
/** Those of the matrix. */
export type Real = 'claude' | 'codex' | 'gemini';
