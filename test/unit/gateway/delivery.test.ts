/** Deliveries of webhooks: the vectors of who defined the signatures, and everything that is almost one. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TOLERANCE_MS, unwanted, verifiedDelivery } from '../../../src/gateway/delivery.ts';
import type { Hook } from '../../../src/gateway/hook-secrets.ts';

const hook = (kind: Hook['kind'], secret: string, more: Partial<Hook> = {}): Hook => ({
  ...{ trigger: 't', kind, secret, events: [], filters: [], created_at: '2026-01-01T00:00:00Z' },
  ...more,
});

describe('Standard Webhooks', () => {
  // The example of the specification's reference libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const body = Buffer.from('{"test": 2432232314}');
  const at = 1614265330;
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': String(at),
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };
  const ask = (more: object = {}, bytes = body, now = at * 1000) =>
    verifiedDelivery(hook('standard', secret), { ...headers, ...more }, bytes, now);

  test('the vector of the specification is taken', () => {
    expect(ask()).toEqual({ id: headers['webhook-id'], event: null });
  });

  test('one of several signatures is enough', () => {
    expect(ask({ 'webhook-signature': `v1a,xyz v1,AAAA ${headers['webhook-signature']}` })).not.toBeNull();
  });

  test('another body, id, time or signature is refused, and an old or early one', () => {
    expect(ask({}, Buffer.from('{"test": 2432232315}'))).toBeNull();
    expect(ask({ 'webhook-id': 'msg_other' })).toBeNull();
    expect(ask({ 'webhook-timestamp': String(at + 1) })).toBeNull();
    expect(ask({ 'webhook-timestamp': 'x' })).toBeNull();
    for (const odd of [
      '',
      'v1,',
      'v1',
      headers['webhook-signature'].slice(3),
      headers['webhook-signature'].replace('v1', 'v2'),
    ])
      expect(ask({ 'webhook-signature': odd }), odd).toBeNull();
    expect(ask({ 'webhook-id': undefined })).toBeNull();
    for (const off of [TOLERANCE_MS + 1000, -TOLERANCE_MS - 1000])
      expect(ask({}, body, at * 1000 + off)).toBeNull();
    expect(ask({}, body, at * 1000 + TOLERANCE_MS - 1000)).not.toBeNull();
  });
});

describe('GitHub', () => {
  // From its documentation.
  const headers = {
    'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-github-event': 'push',
  };
  const secret = "It's a Secret to Everybody";
  const body = Buffer.from('Hello, World!');

  test('the vector of its documentation is taken', () => {
    expect(verifiedDelivery(hook('github', secret), headers, body)).toEqual({
      ...{ id: headers['x-github-delivery'], event: 'push' },
    });
  });

  test('another secret, the older sha1, or no id is refused', () => {
    expect(verifiedDelivery(hook('github', 'another secret here'), headers, body)).toBeNull();
    const sha1 = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;
    expect(
      verifiedDelivery(hook('github', secret), { ...headers, 'x-hub-signature-256': sha1 }, body),
    ).toBeNull();
    expect(
      verifiedDelivery(hook('github', secret), { ...headers, 'x-github-delivery': undefined }, body),
    ).toBeNull();
    expect(
      verifiedDelivery(
        hook('github', secret),
        { ...headers, 'x-hub-signature-256': [headers['x-hub-signature-256']] },
        body,
      ),
    ).toBeNull();
  });
});

test('GitLab sends the token itself', () => {
  const headers = {
    'x-gitlab-token': 'a-long-token-of-ours',
    'x-gitlab-event-uuid': 'u1',
    'x-gitlab-event': 'Push Hook',
  };
  const ask = (more: object = {}) =>
    verifiedDelivery(hook('gitlab', 'a-long-token-of-ours'), { ...headers, ...more }, Buffer.from('{}'));
  expect(ask()).toEqual({ id: 'u1', event: 'Push Hook' });
  expect(ask({ 'idempotency-key': 'k1' })).toEqual({ id: 'k1', event: 'Push Hook' });
  for (const odd of ['', 'a-long-token-of-our', 'a-long-token-of-ours '])
    expect(ask({ 'x-gitlab-token': odd }), odd).toBeNull();
});

test('what is not wanted is told with its reason', () => {
  const push = hook('github', 'x'.repeat(16), {
    events: ['push'],
    filters: [{ path: 'repository.private', value: 'true' }],
  });
  const of = (event: string | null, payload: unknown) => unwanted(push, { id: '1', event }, payload);
  expect(of('push', { repository: { private: true } })).toBeNull();
  expect(of('issues', { repository: { private: true } })).toBe('event issues is none of push');
  expect(of('push', { repository: { private: false } })).toBe('repository.private is not "true"');
  expect(of(null, { type: 'push', repository: { private: true } })).toBeNull();
  for (const payload of [
    null,
    [],
    'x',
    { repository: null },
    { __proto__: { repository: { private: true } } },
  ])
    expect(of('push', payload)).toBe('repository.private is not "true"');
});
