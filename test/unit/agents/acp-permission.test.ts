/** What an agent may do that asks over ACP. */
import { expect, it } from 'vitest';
import { permit } from '../../../src/agents/acp/permission.ts';

const grounds = { cwd: '/w', folders: ['/git', '/tmp/t'] };
const options = (...kinds: string[]) => kinds.map(kind => ({ optionId: kind, name: kind, kind }));
const ALL = options('allow_always', 'allow_once', 'reject_always', 'reject_once');
const ask = (toolCall: object, offered = ALL) => {
  const request = { sessionId: 's', toolCall: { toolCallId: 'c', ...toolCall }, options: offered };
  const { answer, refused } = permit(request as never, grounds);
  return [(answer.outcome as { optionId?: string }).optionId ?? 'cancelled', refused?.tool ?? null];
};
const at = (...paths: string[]) => ({ locations: paths.map(path => ({ path })) });

it.each([
  [{ kind: 'execute', title: 'rm -rf /' }, 'allow_once'],
  [{ kind: 'read', ...at('/etc/hosts') }, 'allow_once'],
  [{ kind: 'edit', ...at('/w/a', 'b/c') }, 'allow_once'],
  [{ kind: 'edit' }, 'allow_once'],
  [{ kind: 'edit', ...at('/w/../etc/a') }, 'reject_once'],
  [{ kind: 'edit', ...at('/work') }, 'reject_once'],
  [{ kind: 'delete', ...at('/w/a', '/home/x') }, 'reject_once'],
  [{ kind: 'edit', content: [{ type: 'diff', path: '/x', newText: '' }] }, 'reject_once'],
  [{ kind: 'other', rawInput: { filepath: '/tmp/t/a', parentDir: '/tmp/t' } }, 'allow_once'],
  [{ kind: 'other', rawInput: { directories: ['/tmp/t', '/home'] } }, 'reject_once'],
  [{ kind: 'other', title: 'mail' }, 'reject_once'],
  [{ kind: 'switch_mode', ...at('/w') }, 'reject_once'],
  [{}, 'reject_once'],
])('%j: %s', (call, choice) => {
  expect(ask(call)[0]).toBe(choice);
});

it('is given with the narrowest answer that is offered; where there is none it is refused', () => {
  expect(ask({ kind: 'execute' }, options('reject_once', 'allow_always'))).toEqual(['allow_always', null]);
  expect(ask({ kind: 'execute', title: 'ls' }, options('reject_once'))).toEqual(['cancelled', 'execute']);
  expect(ask({ kind: 'other', title: 'mail' }, options('allow_once'))).toEqual(['cancelled', 'mail']);
});
