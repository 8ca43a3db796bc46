/** Services of a merge, at their end. */
import { expect, test } from 'vitest';
import { endAll } from '../../../src/supervisor/effects/merge-services.ts';

test('one that cannot be stopped keeps no other one up, and is told of all the same', async () => {
  const ended: string[] = [];
  const end = async (id: string) => {
    if (id !== 'db') throw new Error(`${id} outlives SIGKILL`);
    ended.push(id);
  };
  await expect(endAll(['web', 'db', 'cache'], end)).rejects.toThrow('web outlives SIGKILL');
  expect(ended).toEqual(['db']);
});
