/** The prompts: placeholders are filled or named; nothing reaches an agent unsubstituted. */
import { describe, expect, test } from 'vitest';
import { readResultFile } from '../../../src/agents/result-file.ts';
import {
  checkPrompt,
  DEFAULT_PROMPTS,
  fillPrompt,
  PLACEHOLDERS,
  ROLE_PLACEHOLDERS,
} from '../../../src/config/index.ts';
import { ROLES } from '../../../src/contract/spec.ts';
import { project, refusal } from './support.ts';

describe('fillPrompt', () => {
  test('fills, keeps other braces, and unescapes', () => {
    const text = '{task}: {"a": {}} {{task}} {{ {A} {task }} $' + '{task}';
    expect(fillPrompt(text, { task: 'T' })).toBe('T: {"a": {}} {task} { {A} {task }} $T');
  });

  test('a value is never read as a template or a pattern', () => {
    expect(fillPrompt('{task}', { task: "{memory} $& $1 {{x}} $'" })).toBe("{memory} $& $1 {{x}} $'");
    expect(fillPrompt('{memory}|{task}', { memory: '', task: '' })).toBe('|');
  });

  test.each([
    ['unknown', 'a\nb {nope}', 'coder.md:2:3: {nope} is not a placeholder'],
    ['mistyped', '{taks}', 'coder.md:1:1: {taks} is not a placeholder; did you mean {task}?'],
    ['without a value', '{diff_range}', 'coder.md:1:1: {diff_range} has no value in this prompt'],
    ['of the prototype', '{constructor}', 'coder.md:1:1: {constructor} is not a placeholder'],
  ])('%s', (_, text, message) => {
    const error = refusal(() => fillPrompt(text, { task: 'T' }, 'coder.md'));
    expect([error.kind, error.message]).toEqual(['config', message]);
    expect(error.hint).toContain('{task}');
  });

  test('a prompt that no agent takes is refused', () => {
    expect(refusal(() => fillPrompt('{task}{task}', { task: 'x'.repeat(3_000_000) })).kind).toBe('config');
  });
});

describe.each(ROLES)('the built-in prompt of the %s', role => {
  const values = Object.fromEntries(ROLE_PLACEHOLDERS[role].map(name => [name, `<${name}>`]));

  test('is sound, and filled it has no placeholder left', () => {
    checkPrompt(DEFAULT_PROMPTS[role], role, role);
    const text = fillPrompt(DEFAULT_PROMPTS[role], values, role);
    expect(text).not.toMatch(/\{[a-z_]+\}/);
    expect(text).toContain('<result_file>');
    expect(text).toContain('$RASEN_RESULT_FILE');
    expect(text).toContain('<task>');
  });

  test('asks for result files that are understood', () => {
    const answers = DEFAULT_PROMPTS[role]
      .match(/^ {4}\{"status"[\s\S]*?\}$/gm)!
      .filter(text => !text.includes('…'));
    expect(answers.length).toBeGreaterThan(0);
    const claims = answers.map(text => {
      const { claim, problem } = readResultFile({ root: project({ result: text }), path: 'result' }, 0);
      expect([text, problem]).toEqual([text, null]);
      return claim!.verdict ?? claim!.status;
    });
    const judges = role === 'reviewer' || role === 'qa';
    const wanted = judges
      ? ['approved', 'changes_requested']
      : ['done', 'blocked'].slice(role === 'coder' ? 0 : 1);
    expect(claims).toEqual(wanted);
  });

  test('says nothing about placeholders that the role does not have', () => {
    for (const name of Object.keys(PLACEHOLDERS).filter(n => !(n in values)))
      expect(refusal(() => checkPrompt(`{${name}}`, role, 'x')).kind).toBe('config');
    expect(refusal(() => checkPrompt(' \n', role, 'x.md')).message).toBe('x.md:1:1: the prompt is empty');
  });
});

test('the rules that the seed has are in the prompts', () => {
  expect(DEFAULT_PROMPTS.initializer).toContain(
    'If the task text names a document with tasks, use those verbatim',
  );
  expect(DEFAULT_PROMPTS.coder).toContain('It is unacceptable to delete, skip or weaken a test');
  expect(DEFAULT_PROMPTS.coder).toContain('"status": "blocked"');
});
