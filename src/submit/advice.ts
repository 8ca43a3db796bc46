/** What a person may have expected of the environment and of the workspace of a new task, and does not get. */
import type { SpecDraft } from '../contract/spec.ts';
import { missedNames, withheldNames } from './captured-env.ts';
import { LINKED_FIX, LINKED_RISK } from './linked-risk.ts';

/** `env`: of who submits; `captured`: what of it the task gets. */
export function adviceOf(
  spec: SpecDraft,
  env: NodeJS.ProcessEnv,
  captured: Readonly<Record<string, string>>,
): string[] {
  const missed = missedNames(env, captured, spec);
  const withheld = withheldNames(captured, spec);
  const linked = spec.workspace.kind === 'git' && spec.workspace.isolation === 'linked';
  return [
    ...(missed.length === 0
      ? []
      : [
          `set here, but not handed to the task: ${missed.join(', ')}. To hand over: --env NAME, or pass_env; for a secret: secrets, in rasen.yml(5)`,
        ]),
    ...(withheld.length === 0
      ? []
      : [
          `a command names what only sessions of the agent get: ${withheld.join(', ')}. For a command, too: secrets with \`for\`, in rasen.yml(5)`,
        ]),
    ...(linked ? [`${LINKED_RISK}. ${LINKED_FIX}`] : []),
  ];
}
