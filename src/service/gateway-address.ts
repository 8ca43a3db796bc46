/** Where an installed gateway listens, and whether it answers there. */
import { RasenError } from '../contract/errors.ts';

export const GATEWAY_ADDRESS = '127.0.0.1:15001';

const ASK_MS = 2_000;
const POLL_MS = 100;

/** An address of loopback, as a unit has it. Throws `usage` for every other: a service is for this machine. */
export function gatewayAddress(text: string): string {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (!/^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/.test(host) || number < 1 || number > 65_535)
    throw new RasenError('usage', `The gateway cannot be a service at "${text}".`, {
      hint: 'It listens on this machine: 127.0.0.1:PORT or [::1]:PORT. From others come in through `tailscale serve`, ssh -L or a proxy; see rasen-gateway(8).',
    });
  return `${host === 'localhost' ? '127.0.0.1' : host}:${number}`;
}

export const gatewayUrl = (address: string): string => `http://${address}`;

/** Whether a gateway answers there in time. */
export async function gatewayAnswers(address: string, timeout_ms: number): Promise<boolean> {
  for (const end = performance.now() + timeout_ms; ; ) {
    const answer = await fetch(`${gatewayUrl(address)}/livez`, { signal: AbortSignal.timeout(ASK_MS) }).catch(
      () => null,
    );
    if (answer?.ok && (await answer.text()) === 'ok\n') return true;
    if (performance.now() > end) return false;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
