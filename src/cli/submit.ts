/** Hands a spec to the supervisor, started if need be. The id in the spec makes a repeated submit the same submit. */
import type { Result, TaskSpec } from '../index.ts';
import { capturedEnv } from './captured-env.ts';
import type { Context } from './context.ts';

export async function submit({ link, env }: Context, spec: TaskSpec): Promise<Result<'task.run'>> {
  const params = { spec, env: capturedEnv(env) };
  return await link.persist(client => client.call('task.run', params), { starts: true });
}
