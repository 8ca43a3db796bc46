/** What the gateway answers, put together: logins, `/v1`, `/api`, health, metrics, the page. */
import { Hono } from 'hono';
import { RasenError } from '../contract/errors.ts';
import type { Paths } from '../paths.ts';
import { COOKIE } from './guard.ts';
import { addHealth } from './health.ts';
import type { HookSecrets } from './hook-secrets.ts';
import { addHooks } from './hooks.ts';
import type { Metrics, OwnCounts } from './metrics.ts';
import { answerProblem, Refused } from './problem.ts';
import { type Env, need, readJson } from './request.ts';
import { addSeed } from './seed.ts';
import { SESSION_MS } from './sessions.ts';
import { type AppParts, addV1 } from './v1.ts';

export interface AllParts extends AppParts {
  metrics: Metrics;
  hooks: HookSecrets;
  paths: Paths;
  counts(): OwnCounts;
}

export function makeApp(parts: AllParts): Hono<Env> {
  const { guard, sessions, upstream, metrics } = parts;
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    c.set('admitted', c.env.admitted);
    await next();
  });
  app.onError((error, c) => answerProblem(c, error));
  app.notFound(c => answerProblem(c, new Refused('not_found', 'There is nothing at this address.')));

  // The code is in the body, never in a URL; the cookie is for this host alone and no script sees it.
  app.post('/session', async c => {
    const { code } = await readJson(c.env.incoming);
    if (typeof code !== 'string' || code.length > 100) throw new RasenError('usage', 'A code is needed.');
    try {
      const { secret, session } = sessions.pair(code, c.req.header('User-Agent') ?? '');
      const secure = c.get('admitted').secure ? '; Secure' : '';
      c.header(
        'Set-Cookie',
        `${COOKIE}=${secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_MS / 1000}${secure}`,
      );
      return c.json(session);
    } catch (error) {
      if (error instanceof RasenError && error.kind === 'not_permitted') guard.failedLogin(c.env.incoming);
      throw error;
    }
  });
  app.post('/session/end', async c => {
    const { by, name } = await need(guard, c, 'read');
    if (by === 'session') sessions.revoke(name);
    c.header('Set-Cookie', `${COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0`);
    return c.body(null, 204);
  });
  app.get('/metrics', async c => {
    const who = await need(guard, c, 'read');
    const text = await metrics.text((method, params) => upstream.call(who, method, params), parts.counts());
    return c.body(text, 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
  });
  addHooks(app, parts);
  addHealth(app, upstream, parts.paths);
  addSeed(app, parts);
  addV1(app, parts);
  return app;
}
