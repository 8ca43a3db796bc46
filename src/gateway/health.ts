/**
 * `/livez`: this process answers. `/readyz`: it can do its work. They are asked without a login and by everybody who
 * reaches the port, so they say nothing of the user and cost next to nothing; what is wrong in detail is for `rasen doctor`.
 */
import { accessSync, constants, statfsSync } from 'node:fs';
import type { Hono } from 'hono';
import type { Paths } from '../paths.ts';
import type { Env } from './request.ts';
import type { Upstream } from './upstream.ts';

const PROBE_MS = 3000;
/** One look serves all that ask within this time. */
const KEPT_MS = 1000;
/** Less room than this, and the next events of a task may find no place. */
const FREE_BYTES_MIN = 64 * 1024 * 1024;

interface Check {
  name: string;
  ok: boolean;
}

/** On the disk of the state; of that, a sandbox shows the gateway its own folder alone. */
type Place = Pick<Paths, 'gateway'>;

export function addHealth(app: Hono<Env>, upstream: Upstream, paths: Place): void {
  let last: { at: number; checks: Promise<Check[]> } | null = null;
  const checks = () => {
    const now = performance.now();
    if (last === null || now - last.at > KEPT_MS) last = { at: now, checks: look(upstream, paths) };
    return last.checks;
  };
  app.get('/livez', c => c.text('ok\n'));
  app.get('/readyz', async c => {
    const found = await checks();
    const ok = found.every(check => check.ok);
    const rows = found.map(check => `[${check.ok ? '+' : '-'}] ${check.name}\n`).join('');
    const verdict = ok ? 'ready\n' : 'not ready\n';
    return c.text(c.req.query('verbose') === undefined ? verdict : rows + verdict, ok ? 200 : 503);
  });
}

async function look(upstream: Upstream, { gateway }: Place): Promise<Check[]> {
  return [
    {
      name: 'supervisor answers',
      ok: await upstream.probe('daemon.status', {}, PROBE_MS).then(
        () => true,
        () => false,
      ),
    },
    { name: 'state can be written', ok: holds(() => accessSync(gateway, constants.W_OK)) },
    {
      name: 'disk has room',
      ok: holds(() => {
        const { bavail, bsize } = statfsSync(gateway);
        if (bavail * bsize < FREE_BYTES_MIN) throw new Error('short');
      }),
    },
  ];
}

function holds(look: () => void): boolean {
  try {
    look();
    return true;
  } catch {
    return false;
  }
}
