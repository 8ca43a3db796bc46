/** The OpenRPC document holds together, and rasen-protocol(7) has every method with all its fields. */
import { expect, test } from 'vitest';
import { FOLLOW_EXAMPLE, LIST_EXAMPLE } from '../../../packaging/docs/rasen-protocol-7.ts';
import { ERRORS } from '../../../src/contract/errors.ts';
import { METHODS } from '../../../src/contract/methods/index.ts';
import { LIMITS } from '../../../src/rpc/limits.ts';
import { documentText, heading } from './pages.ts';

const PAGE = 'man/rasen-protocol.7';
const openRpc = JSON.parse(documentText('man/openrpc.json'));

/** What a JSON pointer in the document leads to. */
function resolve(ref: string): unknown {
  expect(ref.startsWith('#/')).toBe(true);
  return ref
    .slice(2)
    .split('/')
    .reduce((at: unknown, part) => (at as Record<string, unknown> | undefined)?.[part], openRpc);
}

function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => (key === '$ref' ? [String(child)] : refsIn(child)));
}

test('every reference leads somewhere, and no definition is left over', () => {
  const refs = [...new Set(refsIn(openRpc))];
  expect(refs.filter(ref => resolve(ref) === undefined)).toEqual([]);
  const used = refs.filter(ref => ref.startsWith('#/components/schemas/')).map(ref => ref.split('/').at(-1));
  expect(used.sort()).toEqual(Object.keys(openRpc.components.schemas).sort());
});

test('methods are those of the table, each with params, a result and its errors', () => {
  expect(openRpc.openrpc).toMatch(/^1\.\d+\.\d+$/);
  expect(openRpc.methods.map((m: { name: string }) => m.name)).toEqual(METHODS.map(m => m.name));
  for (const [index, method] of openRpc.methods.entries()) {
    const { params, errors, stream } = METHODS[index]!;
    const fields = (params as unknown as { shape: Record<string, unknown> }).shape;
    expect(method.params.map((p: { name: string }) => p.name)).toEqual(Object.keys(fields));
    for (const param of method.params)
      expect(param).toMatchObject({ schema: expect.any(Object), required: expect.any(Boolean) });
    expect(method.result).toMatchObject({ name: 'result', schema: expect.any(Object) });
    expect(method['x-stream']?.notification).toBe(stream?.notification);
    for (const kind of errors) expect(method.errors).toContainEqual({ $ref: `#/components/errors/${kind}` });
  }
});

test('a caller may leave out what has a default', () => {
  const gc = openRpc.methods.find((m: { name: string }) => m.name === 'daemon.gc');
  expect(gc.params.every((p: { required: boolean }) => !p.required)).toBe(true);
  expect(openRpc.components.schemas.SubtaskInput.required).toEqual(['id', 'do']);
  expect(openRpc.components.schemas.Subtask.required).toContain('needs');
});

test('errors have the codes of the table', () => {
  for (const [kind, { code }] of Object.entries(ERRORS))
    expect(openRpc.components.errors[kind]).toMatchObject({ code, data: { kind } });
});

test.each(METHODS.map(m => [m.name, m] as const))('the page has %s', (name, { summary, params, stream }) => {
  const { tags, text } = heading(PAGE, name);
  expect(text).toContain(summary.slice(0, 60));
  const fields = Object.keys((params as unknown as { shape: Record<string, unknown> }).shape);
  // What is in an object stands between it and the next one.
  expect([...new Set(tags.filter(tag => fields.includes(tag)))]).toEqual(fields);
  if (stream) expect(text).toContain(stream.notification);
});

test('the page has every type and every limit with its value', () => {
  for (const name of Object.keys(openRpc.components.schemas)) heading(PAGE, name.replace(/Input$/, ''));
  expect(heading(PAGE, 'LIMITS').tags).toEqual(
    Object.entries(LIMITS).map(([name, value]) => `${name} ${value}`),
  );
});

test('the examples send requests that the methods take', () => {
  // As the shell joins them.
  const text = FOLLOW_EXAMPLE.replaceAll("'\\\n'", '');
  for (const example of [LIST_EXAMPLE, text]) {
    const request = JSON.parse(/echo '(.*)' \|/.exec(example)![1]!);
    const method = METHODS.find(m => m.name === request.method)!;
    expect(method.params.safeParse(request.params).error).toBeUndefined();
  }
});
