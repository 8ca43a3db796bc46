/** What a request is answered with when the machine, and not the request, is at fault. */
import { expect, test } from 'vitest';
import type { Origin } from '../../../src/contract/origin.ts';
import type { Handler, RequestContext } from '../../../src/rpc/server.ts';
import { handlersOf } from '../../../src/supervisor/dispatch.ts';
import type { Supervisor } from '../../../src/supervisor/supervisor.ts';

const errno = (code: string, path: string) =>
  Object.assign(new Error(`${code}: open '${path}'`), { code, path, syscall: 'open' });

/** Of a supervisor that fails as it finds out who asks. */
const stopWith = (error: Error) => {
  const guard = { check: (): Promise<Origin> => Promise.reject(error) };
  const handlers = handlersOf({ guard, serving: {} } as unknown as Supervisor);
  const stop = handlers.get('task.stop') as Handler;
  return stop({ task: 'x', op: 'o', force: false }, {} as RequestContext);
};

test.each([
  ['EMFILE', 'overloaded', 'too many files are open for /p/.git (EMFILE)'],
  ['EIO', 'storage', 'the disk reports an input/output error for /p/.git (EIO)'],
])('%s while a request is looked at is `%s`, told with the file', async (code, kind, about) => {
  await expect(stopWith(errno(code, '/p/.git'))).rejects.toMatchObject({
    kind,
    message: `The machine could not do its part: ${about}.`,
    hint: expect.stringContaining('Ask again'),
  });
});

test('a file that is not there is a bug of ours, as any other error', async () => {
  const error = errno('ENOENT', '/p/.git');
  await expect(stopWith(error)).rejects.toBe(error);
});
