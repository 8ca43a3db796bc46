/** The file that `rasen init` writes loads, switches nothing on by itself, and every key in it is real. */
import { expect, test } from 'vitest';
import { defaultConfigYaml, loadConfig, projectFacts } from '../../../src/config/index.ts';
import { project } from './support.ts';

const CASES = [
  ['an empty folder', {}, null],
  ['a node project', { 'package.json': '{"scripts":{"test":"x","lint":"y"}}' }, null],
  ['a known agent', { 'go.mod': '' }, 'codex'],
] as const;

const load = (text: string, yml = '') => {
  const files = project({ '.rasen/config.yaml': text, 'rasen.yml': yml });
  return loadConfig({ project: files, env: {} });
};

test.each(CASES)('as written: %s', (_, files, agent) => {
  const folder = project(files);
  const text = defaultConfigYaml(projectFacts(folder, agent));
  const { settings, written } = load(text, 'orchestrator: {max_iterations: 7}');
  // The generated file must not silence the user's rasen.yml.
  expect(settings['orchestrator.max_iterations']).toBe(7);
  expect(settings['agent.backend']).toBe(agent);
  expect([...written.keys()].filter(key => key !== 'orchestrator.max_iterations')).toEqual(
    agent ? ['agent.backend'] : [],
  );
});

test('waiting for usage limits is switched on where that is asked for, in a line that says so', () => {
  const text = defaultConfigYaml(projectFacts(project({}), null, true));
  expect(load(text).settings['limits.wait']).toBe(true);
  expect(load(text, 'limits: {attempts: 2}').settings['limits.attempts']).toBe(2);
  expect(text).toMatch(/^## A usage limit is waited for .*\nlimits:\n {2}wait: true$/m);
});

test.each(CASES)('with every key switched on: %s', (_, files, agent) => {
  const folder = project(files);
  const facts = projectFacts(folder, agent);
  const text = defaultConfigYaml(facts).replaceAll(/^# /gm, '');
  expect(text).not.toMatch(/^#[^#]/m);
  const { settings, written } = load(text);
  expect(written.size).toBeGreaterThan(15);
  expect(settings['orchestrator.session_timeout_seconds']).toBe(1800);
  expect(settings['orchestrator.max_runtime_seconds']).toBe(14_400);
  expect(settings['stall_detection.max_consecutive_failures']).toBe(5);
  expect(settings.gates).not.toBeNull();
});
