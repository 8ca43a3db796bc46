/** Usage limits as the service of each agent says them, as far as the programs let know. */
import type { Failure } from './model-server.ts';
import type { Real } from './ways.ts';

export const LIMITS: Readonly<Record<Real, (resets: number) => Failure>> = {
  claude: resets => ({
    status: 429,
    body: { type: 'error', error: { type: 'rate_limit_error', message: 'over the limit' } },
    headers: {
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': String(resets),
      'anthropic-ratelimit-unified-representative-claim': 'five_hour',
      'retry-after': '3600',
    },
  }),
  codex: resets_at => ({
    status: 429,
    body: { error: { type: 'usage_limit_reached', message: 'over the limit', plan_type: 'plus', resets_at } },
    headers: {
      'x-codex-primary-used-percent': '100',
      'x-codex-primary-window-minutes': '300',
      'x-codex-primary-reset-at': String(resets_at),
    },
  }),
  gemini: () => ({
    status: 429,
    body: {
      error: {
        code: 429,
        message: 'You exceeded your current quota.',
        status: 'RESOURCE_EXHAUSTED',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
            violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }],
          },
        ],
      },
    },
  }),
};

/** Only a subscription has limits that end at a time. */
export const SUBSCRIPTION = { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'test-key' };
