/** Signatures of Standard Webhooks (standardwebhooks.com), both ways. Pure. */
import { createHmac } from 'node:crypto';

/** What a key is, in words. */
export const KEY_TEXT = 'wanted whsec_ and at least 16 bytes in base64';
const KEY_BYTES_MIN = 16;

const keyOf = (secret: string) => Buffer.from(secret.trim().replace(/^whsec_/, ''), 'base64');

/** Whether a secret can sign. */
export const isKey = (secret: string): boolean =>
  /^(?:whsec_)?[A-Za-z0-9+/_-]+=*$/.test(secret.trim()) && keyOf(secret).length >= KEY_BYTES_MIN;

/** `v1,…` over one delivery. `secret`: base64, with `whsec_` before it or not; `seconds`: since 1970, as it is sent. */
export function standardSignature(
  secret: string,
  id: string,
  seconds: string,
  body: Buffer | string,
): string {
  return `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${seconds}.`).update(body).digest('base64')}`;
}
