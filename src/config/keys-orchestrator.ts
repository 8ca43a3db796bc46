/** The keys of the project and of the loop over its attempts: `project.*`, `orchestrator.*`. */
import { own, seed } from './keys-row.ts';
import { duration, int, nullable, text } from './types.ts';

const limit = () => nullable(duration(), 'no limit');

export const ORCHESTRATOR_KEYS = {
  'project.name': seed(
    nullable(text(200, 'a name'), 'the name of the folder'),
    null,
    'Short name of the project, shown in status and notifications.',
    'name of the folder',
  ),
  'project.root': seed(
    text(4096, 'a path'),
    '.',
    'Folder of the project, relative to the folder with the configuration.',
  ),

  'orchestrator.max_iterations': seed(int(1, 100_000), 50, 'Most attempts of the whole task.'),
  'orchestrator.max_runtime_seconds': seed(
    limit(),
    14_400,
    'Longest active time of the task; waiting does not count.',
  ),
  'orchestrator.session_delay_seconds': seed(duration(true), 3, 'Pause between two attempts.'),
  'orchestrator.session_timeout_seconds': seed(
    limit(),
    1800,
    'Time of an attempt; then it is stopped, or at half as much more at the latest while it makes progress; see SILENCE.',
  ),
  'orchestrator.idle_timeout_seconds': seed(
    limit(),
    300,
    'Longest silence of an attempt: no output and, on Linux, no use of the processor.',
  ),
  'orchestrator.tool_idle_timeout_seconds': own(
    limit(),
    1800,
    'The same while a tool of the agent runs, where the agent says so (all but command); never less than orchestrator.idle_timeout_seconds.',
  ),
};
