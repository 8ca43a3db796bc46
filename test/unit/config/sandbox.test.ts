/** What a configuration says of sandboxes, in all its forms. */
import { expect, test } from 'vitest';
import { agentTaskSpec, loadConfig } from '../../../src/config/index.ts';
import { ID, project, refusal } from './support.ts';

const load = (yaml: string, agent = 'backend: claude') =>
  loadConfig({ project: project({ 'rasen.yml': `${agent}\ngates: none\n${yaml}` }), env: {} });
const sandbox = (yaml: string) =>
  agentTaskSpec({ id: ID, goal: 'Do it', config: load(yaml), plan: null }).sandbox!;

test('a program of the user has one when he says so', () => {
  const own = (yaml: string) =>
    agentTaskSpec({ id: ID, goal: 'Do it', config: load(yaml, 'agent: [x]'), plan: null }).sandbox!.roles;
  expect(own('')).toEqual({ initializer: 'off', coder: 'off', reviewer: 'off', qa: 'off' });
  expect(own('sandbox: on').coder).toBe('on');
  const roles = own('review: {agent: {backend: gemini}}');
  expect([roles.coder, roles.reviewer]).toEqual(['off', 'on']);
});

test('agents that rasen knows have one unless it is said otherwise, and nobody else has', () => {
  const roles = { initializer: 'on', coder: 'on', reviewer: 'on', qa: 'on' };
  expect(sandbox('')).toEqual({
    roles,
    commands: 'off',
    gates: 'off',
    write: [],
    read: [],
    network: 'all',
  });
  expect(sandbox('sandbox: require').roles.coder).toBe('require');
  expect(sandbox('sandbox:\n  # nothing\n').roles).toEqual(roles);
});

test('a role may have another than the rest', () => {
  const { roles } = sandbox('sandbox: {mode: require}\nagents: {reviewer: {sandbox: off}}');
  expect(roles).toEqual({ initializer: 'require', coder: 'require', reviewer: 'off', qa: 'require' });
});

test('hosts are names, addresses and ports', () => {
  const hosts = ['api.example.org', '*.example.org:443', '127.0.0.1:11434', '[::1]:80', 'localhost:3000'];
  expect(sandbox(`sandbox: {network: ${JSON.stringify(hosts)}}`).network).toEqual(hosts);
});

test.each([
  ['sandbox: maybe', 'sandbox.mode: found "maybe", wanted "on" or "off" or "require"'],
  ['sandbox: {network: some}', 'sandbox.network: found "some", wanted "all", "none" or a list of hosts'],
  ['sandbox: {network: []}', 'for no network write none'],
  ['sandbox: {network: ["https://example.org/"]}', 'wanted a host such as'],
  ['sandbox: {network: ["*"]}', 'wanted a host such as'],
  ['sandbox: {network: ["a.*.org"]}', 'wanted a host such as'],
  ['sandbox: {write: ~/x}', 'wanted a list of paths'],
  ['sandbox: {writes: []}', 'did you mean "write"'],
])('%s is refused in words', (yaml, words) => {
  expect(refusal(() => load(yaml)).message).toContain(words);
});
