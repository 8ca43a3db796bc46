/** The JSON Schemas accept what the readers accept, and refuse the plain mistakes that editors should mark. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CONFIG_KEYS, configSchemaJson, planSchemaJson } from '../../../src/config/index.ts';
import { data } from './support.ts';

type Schema = Record<string, unknown>;

/** The part of draft-07 that our schemas use. A keyword that is not known here fails the test. */
function valid(schema: Schema, value: unknown): boolean {
  const object =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : null;
  return Object.entries(schema).every(([keyword, rule]) => {
    switch (keyword) {
      case 'type':
        return [rule]
          .flat()
          .some(type => typeOf(value) === type || (type === 'number' && typeOf(value) === 'integer'));
      case 'properties':
        return (
          object === null ||
          Object.entries(rule as Schema).every(([k, s]) => !(k in object) || valid(s as Schema, object[k]))
        );
      case 'additionalProperties': {
        const extra =
          object === null
            ? []
            : Object.keys(object).filter(k => !Object.hasOwn((schema.properties ?? {}) as object, k));
        return rule === false ? extra.length === 0 : extra.every(k => valid(rule as Schema, object![k]));
      }
      case 'propertyNames':
        return object === null || Object.keys(object).every(k => valid(rule as Schema, k));
      case 'required':
        return object === null || (rule as string[]).every(k => k in object);
      case 'items':
        return !Array.isArray(value) || value.every(item => valid(rule as Schema, item));
      case 'minItems':
        return !Array.isArray(value) || value.length >= (rule as number);
      case 'maxItems':
        return !Array.isArray(value) || value.length <= (rule as number);
      case 'anyOf':
        return (rule as Schema[]).some(s => valid(s, value));
      case 'enum':
        return (rule as unknown[]).includes(value);
      case 'const':
        return rule === value;
      case 'pattern':
        return typeof value !== 'string' || new RegExp(rule as string, 'u').test(value);
      case 'minLength':
        return typeof value !== 'string' || value.length >= (rule as number);
      case 'maxLength':
        return typeof value !== 'string' || value.length <= (rule as number);
      case 'minimum':
        return typeof value !== 'number' || value >= (rule as number);
      case 'exclusiveMinimum':
        return typeof value !== 'number' || value > (rule as number);
      case 'maximum':
        return typeof value !== 'number' || value <= (rule as number);
      case '$schema':
      case 'title':
      case 'description':
      case 'default':
        return true;
      default:
        throw new Error(`keyword ${keyword} is not known to this test`);
    }
  });
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

describe('configuration', () => {
  const schema = configSchemaJson();

  test('accepts the samples and the defaults', () => {
    expect(valid(schema, parse(data('rasen.yml')))).toBe(true);
    expect(valid(schema, parse(data('task-config.yaml')))).toBe(true);
    expect(valid(schema, {})).toBe(true);
    for (const text of [
      'agent: [a, b]',
      'gates: none',
      'gates: [[a], {run: [b], timeout: 1h30m, ok: 3}]',
      'orchestrator:',
      'session: {timeout_seconds: 90}',
      'log: {max_size: 10mb}',
      'review: {agent: {command: [x]}}',
    ])
      expect([text, valid(schema, parse(text))]).toEqual([text, true]);
  });

  test('refuses plain mistakes', () => {
    for (const text of [
      'zebra: 1',
      'parallel: 0',
      'agent: x',
      'gates: []',
      'gates: [npm, test]',
      'orchestrator: {max_iteration: 3}',
      'agents: {qa: {read_only: false}}',
      'session: {timeout_seconds: 0}',
    ])
      expect([text, valid(schema, parse(text))]).toEqual([text, false]);
  });

  test('has every key with a description, and is plain JSON', () => {
    const text = JSON.stringify(schema);
    expect(JSON.parse(text)).toEqual(schema);
    for (const row of CONFIG_KEYS) expect(text).toContain(JSON.stringify(row.about).slice(1, -1));
    expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
  });
});

describe('plan', () => {
  const schema = planSchemaJson();

  test('accepts the sample and refuses plain mistakes', () => {
    expect(valid(schema, parse(data('plan.yml')))).toBe(true);
    expect(
      valid(schema, parse('subtasks: [{id: a, do: {agent: coder}, needs: [b], limits: {attempts: 2}}]')),
    ).toBe(true);
    for (const text of [
      '{}',
      'subtasks: []',
      'subtasks: [{id: a, rnu: [x]}]',
      '{subtasks: [{id: a, run: [x]}], gate: []}',
      'subtasks: [{id: a, run: [x], timeout: -1}]',
    ])
      expect([text, valid(schema, parse(text))]).toEqual([text, false]);
  });
});
