/** What is masked of an environment and of an address without anybody having said so. */
import { expect, test } from 'vitest';
import { ofWebhook, secretLooking } from '../../../src/secrets/masked-values.ts';

test('values whose names tell, and passwords in addresses', () => {
  const env = {
    GITHUB_TOKEN: 'ghs_0123456789',
    DB_PASSWORD: 'correct-horse',
    COMPOSER_AUTH: '{"http-basic":{"a":1}}',
    HTTPS_PROXY: 'http://me:p%40ssw0rd@proxy:3128',
    SHORT_TOKEN: 'abc',
    MAX_TOKENS: '100000000',
    AUTH_PROVIDER: 'keycloak-dev',
    OAUTH_CALLBACK_URL: 'http://127.0.0.1:3000/callback',
    SSH_AUTH_SOCK: '/nowhere/agent.1',
    GOOGLE_APPLICATION_CREDENTIALS: import.meta.filename,
    EDITOR: 'vim-with-options',
  };
  expect(secretLooking(env)).toEqual([
    ['GITHUB_TOKEN', 'ghs_0123456789'],
    ['DB_PASSWORD', 'correct-horse'],
    ['COMPOSER_AUTH', '{"http-basic":{"a":1}}'],
    ['HTTPS_PROXY', 'p%40ssw0rd'],
    ['HTTPS_PROXY', 'p@ssw0rd'],
  ]);
});

test('of a webhook what lets others use it', () => {
  expect(ofWebhook('http://127.0.0.1:8080/hook')).toEqual([]);
  expect(ofWebhook('http://127.0.0.1/services/T0123/abcdefghijklmnop0123?token=q1w2e3r4')).toEqual([
    ['notify.webhook', 'abcdefghijklmnop0123'],
    ['notify.webhook', 'token=q1w2e3r4'],
  ]);
  expect(ofWebhook(null)).toEqual([]);
});
