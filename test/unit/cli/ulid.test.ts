/** The ids of tasks. */
import { expect, test } from 'vitest';
import { taskId } from '../../../src/contract/spec.ts';
import { ulid } from '../../../src/util/ulid.ts';

test('an id is what a spec takes, and no two are alike', () => {
  const ids = Array.from({ length: 1000 }, () => ulid());
  for (const id of ids) expect(taskId.safeParse(id).success).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});

test('ids sort by time', () => {
  const chance = new Uint8Array(16).fill(255);
  expect(ulid(1000, chance) < ulid(1001, new Uint8Array(16))).toBe(true);
  expect(ulid(0, new Uint8Array(16))).toBe('0'.repeat(26));
  // From the ULID specification: 1469918176385 is 01ARYZ6S41.
  expect(ulid(1469918176385).slice(0, 10)).toBe('01aryz6s41');
});

test('a time that does not fit is refused', () => {
  for (const time of [-1, 1.5, Number.NaN, 2 ** 48]) expect(() => ulid(time)).toThrow(RangeError);
});
