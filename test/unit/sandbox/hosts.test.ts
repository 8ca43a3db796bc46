/** Hosts as users write them, and as programs ask for them. */
import { expect, test } from 'vitest';
import { allowedBy, hostOf, isLoopback, ownPorts, withServices } from '../../../src/sandbox/hosts.ts';

const LIST = ['api.example.org', '*.npmjs.org', 'git.example.org:22', '127.0.0.1:11434', '[::1]:8080'];
const allows = (text: string) => {
  const host = hostOf(text);
  return host !== null && allowedBy(LIST, host) !== null;
};

test.each([
  ['api.example.org:443', true],
  ['api.example.org:80', true],
  ['API.Example.ORG:443', true],
  ['api.example.org.:443', true],
  ['registry.npmjs.org:443', true],
  ['a.b.npmjs.org:443', true],
  ['git.example.org:22', true],
  ['127.0.0.1:11434', true],
  ['[::1]:8080', true],
  ['npmjs.org:443', false],
  ['evilnpmjs.org:443', false],
  ['example.org:443', false],
  ['x.api.example.org:443', false],
  ['api.example.org.evil.net:443', false],
  ['git.example.org:443', false],
  ['127.0.0.1:80', false],
  ['localhost:11434', false],
  ['api.example.org@evil.net:443', false],
  ['api.example.org', false],
  ['api.example.org:0', false],
  ['api.example.org:70000', false],
  ['api.example.org:443/x', false],
  ['', false],
])('%s: %s', (text, expected) => {
  expect(allows(text)).toBe(expected);
});

test('ports of this machine are those entries that name one', () => {
  expect(ownPorts([...LIST, 'localhost:3000', 'localhost'])).toEqual([
    { name: '127.0.0.1', port: 11434 },
    { name: '::1', port: 8080 },
    { name: 'localhost', port: 3000 },
  ]);
  expect(['127.0.0.2', 'localhost', '::1'].every(name => isLoopback({ name, port: 1 }))).toBe(true);
  expect(isLoopback({ name: '127.evil.org', port: 1 })).toBe(false);
});

test('a list has the ports of services of this machine as well, each once; all and none stay what they are', () => {
  const env = {
    RASEN_URL_WEB: 'http://localhost:3000',
    RASEN_PORT_WEB: '3000',
    RASEN_URL_DB: 'tcp://127.0.0.1:5432',
    RASEN_URL_MODEL: 'http://127.0.0.1:11434/v1',
    RASEN_URL_FAR: 'https://far.example.org',
    PORT: '9',
  };
  expect(withServices(LIST, env)).toEqual([...LIST, '127.0.0.1:3000', '127.0.0.1:5432']);
  expect([withServices('all', env), withServices('none', env)]).toEqual(['all', 'none']);
});
