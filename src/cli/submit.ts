/** Hands a spec to the supervisor, started if need be. The id in the spec makes a repeated submit the same submit. */
import type { Result, TaskSpec } from '../index.ts';
import { type AskedEnv, capturedEnv, missedNames, withheldNames } from './captured-env.ts';
import type { Context } from './context.ts';
import { sayOnSignal } from './interrupts.ts';

export async function submit(
  { link, env, out }: Context,
  spec: TaskSpec,
  asked: AskedEnv,
): Promise<Result<'task.run'>> {
  const captured = capturedEnv(env, asked);
  const params = { spec, env: captured };
  const release = sayOnSignal(
    out,
    `not waited for any more; whether it was accepted: rasen status ${spec.id}`,
  );
  const result = await link
    .persist(client => client.call('task.run', params), { starts: true })
    .finally(release);
  const missed = result.created ? missedNames(env, captured, spec) : [];
  if (missed.length > 0)
    out.note(
      `set here, but not handed to the task: ${missed.join(', ')}. To hand over: --env NAME, or pass_env; for a secret: secrets, in rasen.yml(5)`,
    );
  const withheld = result.created ? withheldNames(captured, spec) : [];
  if (withheld.length > 0)
    out.note(
      `a command names what only sessions of the agent get: ${withheld.join(', ')}. For a command, too: secrets with \`for\`, in rasen.yml(5)`,
    );
  for (const note of result.notes) out.note(note);
  return result;
}
