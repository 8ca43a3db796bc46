/** Notifications of a request towards a reader that is always ready. Numbers: the checklist of the design. */
import { expect, it } from 'vitest';
import { RasenError } from '../../../src/contract/errors.ts';
import { LIMITS } from '../../../src/rpc/limits.ts';
import { Outbox } from '../../../src/rpc/outbox.ts';
import { Request } from '../../../src/rpc/request.ts';
import type { Wire } from '../../../src/rpc/wire.ts';

/** The socket of a reader so fast that nothing is ever unsent; a real one is not reliably so. */
function endlessReader() {
  let bytes = 0;
  const wire: Wire = {
    write(data) {
      bytes += data.length;
      return true;
    },
    end() {},
    destroy() {},
    pause() {},
    resume() {},
    unsent: 0,
    queued: 0,
    fd: null,
  };
  return { wire, bytes: () => bytes };
}

it('17 · a stream to a fast reader lets others run after each 128 KiB', async () => {
  const { wire, bytes } = endlessReader();
  const request = new Request(1, 'r', new Outbox(wire, LIMITS, () => {}), LIMITS);
  let others = 0;
  let most = 0;
  let at = 0;
  const turn = () => {
    others += 1;
    most = Math.max(most, bytes() - at);
    at = bytes();
    if (bytes() < 4_000_000) setImmediate(turn);
  };
  setImmediate(turn);
  while (bytes() < 4_000_000) await request.notify('data', { text: 'x'.repeat(2000) });
  expect(others).toBeGreaterThanOrEqual(Math.floor(4_000_000 / (LIMITS.stream_yield_bytes + 5000)) - 1);
  expect(most).toBeLessThan(LIMITS.stream_yield_bytes + 5000);
});

it('21 · notify rejects with the reason after an abort, also one that is waiting; and after the answer', async () => {
  const { wire, bytes } = endlessReader();
  const request = new Request(
    1,
    'r',
    new Outbox(wire, { ...LIMITS, stream_yield_bytes: 0 }, () => {}),
    LIMITS,
  );
  const waiting = request.notify('data', {});
  const sent = bytes();
  expect(sent).toBeGreaterThan(0);
  request.abort(new RasenError('cancelled', 'enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(request.notify('data', {})).rejects.toThrow('enough');
  expect(request.signal.aborted).toBe(true);
  const other = new Request(1, 'other', new Outbox(wire, LIMITS, () => {}), LIMITS);
  other.over();
  await expect(other.notify('data', {})).rejects.toThrow('after the answer');
  await expect(
    new Request(1, 'big', new Outbox(wire, LIMITS, () => {}), { ...LIMITS, max_frame_out_bytes: 50 }).notify(
      'd',
      { t: 'x'.repeat(50) },
    ),
  ).rejects.toThrow('max_frame_out_bytes');
  expect(bytes()).toBe(sent);
});
