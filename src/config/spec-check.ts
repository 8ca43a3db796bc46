/** The last step of every builder: the spec must be what the schema says, and every path in it absolute or inside. */
import { RasenError } from '../contract/errors.ts';
import { type SpecDraft, type TaskSpec, taskSpec } from '../contract/spec.ts';

/** The spec with the schema's defaults filled in. Throws a RasenError of kind config that names each field. */
export function checkedSpec(draft: SpecDraft): TaskSpec {
  const parsed = taskSpec.safeParse(draft);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(issue => `${issue.path.join('.') || 'task'}: ${issue.message}`);
  throw new RasenError('config', lines.join('\n'), {
    hint: 'The task was not submitted.',
    data: {
      issues: parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
    },
  });
}
