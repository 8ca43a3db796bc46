/** `triggers` of rasen.yml: by name, when they are due, what they run, and how. Taken over by `rasen trigger apply`. */
import { CATCH_UPS, NOTIFY_WHEN, OVERLAPS } from '../contract/trigger.ts';
import { cronProblem, isTimeZone, parseAt } from '../triggers/calendar.ts';
import { nearest } from '../util/nearest.ts';
import { found, isNothing, type MapNode, type Node } from './node.ts';
import {
  argv,
  bool,
  duration,
  int,
  type JsonSchema,
  nullable,
  oneOf,
  oneOrMore,
  type Report,
  text,
  type ValueType,
} from './types.ts';

const TRIGGERS_MAX = 1000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const TEXT_CHARS = 200;
const PATTERN_CHARS = 4096;

/** A text that a function has something to say of; null: it is right. */
function checked(what: string, problemOf: (text: string) => string | null): ValueType<string> {
  const plain = text(TEXT_CHARS, what);
  return {
    ...plain,
    read(node, report) {
      const value = plain.read(node, report);
      const problem = value === undefined ? null : problemOf(value);
      if (problem === null) return value;
      report(node, `"${value}" ${problem}`);
      return undefined;
    },
  };
}

/** With its day: what a time alone means would be another one at each `apply`. */
const TIME = checked('a date and time', value =>
  /^\d{4}-/.test(value) && parseAt(value, 'UTC', Date.now()) !== null
    ? null
    : 'is not a date and time such as "2026-12-24 18:00"',
);
const CRON = checked('a cron expression', value => {
  const problem = cronProblem(value);
  return problem === null ? null : `is not a cron expression: ${problem}`;
});
const ZONE = checked('a time zone', value => (isTimeZone(value) ? null : 'is not a time zone'));
const PATTERNS = oneOrMore(text(PATTERN_CHARS, 'a pattern of files'), 1000, 'patterns of files');

const WHENS = { at: TIME, every: duration(), cron: CRON, watch: PATTERNS, webhook: bool() };
const WORK = {
  run: argv(),
  file: text(PATTERN_CHARS, 'a file of subtasks'),
  goal: text(1024 * 1024, 'the text of a task for an agent'),
};
const POLICY = {
  ignore: PATTERNS,
  outputs: PATTERNS,
  debounce: duration(),
  tz: ZONE,
  overlap: oneOf(...OVERLAPS),
  catch_up: oneOf(...CATCH_UPS),
  max_late: duration(true),
  jitter: duration(true),
  until: TIME,
  max_runs: int(1, 1_000_000_000),
  pause_after: nullable(int(1, 1_000_000), 'never'),
  keep: int(0, 10_000),
  notify: oneOf(...NOTIFY_WHEN),
  expect_within: nullable(duration(), 'never'),
};
const OF_WATCH = ['ignore', 'outputs', 'debounce'] as const;
const FIELDS = { ...WHENS, ...POLICY };

type Values<F> = { [K in keyof F]?: F[K] extends ValueType<infer T> ? T : never };
export type TriggerSetting = Values<typeof FIELDS> & { task: Values<typeof WORK> };

const WANTED = 'a map of triggers, such as {nightly: {cron: "0 2 * * *", task: {run: [make, nightly]}}}';

const object = (fields: Record<string, ValueType<unknown>>, more: JsonSchema = {}): JsonSchema => ({
  type: 'object',
  additionalProperties: false,
  properties: {
    ...Object.fromEntries(Object.entries(fields).map(([key, { schema }]) => [key, schema])),
    ...more,
  },
});

export const TRIGGERS: ValueType<Record<string, TriggerSetting>> = {
  wanted: WANTED,
  schema: {
    anyOf: [
      {
        type: 'object',
        propertyNames: { pattern: NAME.source },
        additionalProperties: { ...object(FIELDS, { task: object(WORK) }), required: ['task'] },
      },
      { type: 'null' },
    ],
  },
  read(node, report) {
    if (isNothing(node)) return {};
    if (node.kind !== 'map') {
      report(node, `found ${found(node)}, wanted ${WANTED}`);
      return undefined;
    }
    if (node.entries.size > TRIGGERS_MAX) {
      report(node, `has more than ${TRIGGERS_MAX} triggers`);
      return undefined;
    }
    const triggers: Record<string, TriggerSetting> = {};
    for (const [name, { key, value }] of node.entries) {
      const inner: Report = (at, message, suggestion, path) =>
        report(at, message, suggestion, `.${name}${path ?? ''}`);
      if (!NAME.test(name)) inner(key, 'is not a name: letters, digits, dots, dashes and underscores');
      else {
        const setting = readOne(value, inner);
        if (setting) triggers[name] = setting;
      }
    }
    return triggers;
  },
};

function readOne(node: Node, report: Report): TriggerSetting | undefined {
  if (node.kind !== 'map') {
    report(node, `found ${found(node)}, wanted a map with a time and a task`);
    return undefined;
  }
  const values = readFields(node, { ...FIELDS, task: TASK }, report) as TriggerSetting;
  const whens = Object.keys(WHENS).filter(name => node.entries.has(name));
  if (whens.length !== 1) {
    const names = Object.keys(WHENS).join(', ');
    report(
      node,
      whens.length === 0 ? `has no time: one of ${names}` : `has ${whens.join(' and ')}; keep one of them`,
    );
  }
  if (values.webhook === false)
    report(node.entries.get('webhook')!.value, 'is no time; leave it out, or write true');
  const odd = OF_WATCH.find(name => node.entries.has(name) && !node.entries.has('watch'));
  if (odd) report(node.entries.get(odd)!.key, 'is for watch', null, `.${odd}`);
  if (!node.entries.has('task'))
    report(node, 'has no task: {run: [make, nightly]}, {file: nightly.yml} or {goal: "…"}');
  return values.task === undefined ? undefined : values;
}

const TASK: ValueType<Values<typeof WORK>> = {
  wanted: 'a map with run, file or goal',
  schema: object(WORK),
  read(node, report) {
    if (node.kind !== 'map') {
      report(node, `found ${found(node)}, wanted a map with run, file or goal`);
      return undefined;
    }
    if (node.entries.size !== 1) report(node, 'needs one of run, file and goal');
    return readFields(node, WORK, report);
  },
};

function readFields(map: MapNode, fields: Record<string, ValueType<unknown>>, report: Report) {
  const values: Record<string, unknown> = {};
  for (const [name, { key, value }] of map.entries) {
    const type = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!type) {
      const near = nearest(name, Object.keys(fields));
      report(key, `unknown key${near ? `; did you mean "${near}"?` : ''}`, near, `.${name}`);
      continue;
    }
    const read = type.read(value, (at, message, suggestion, inner) =>
      report(at, message, suggestion, `.${name}${inner ?? ''}`),
    );
    if (read !== undefined) values[name] = read;
  }
  return values;
}
