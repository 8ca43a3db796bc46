/** The keys of what is done about a result: `stall_detection.*`, `review.*`, `qa.*`. */
import { seed } from './keys-row.ts';
import { bool, int, number } from './types.ts';

export const REVIEW_KEYS = {
  'stall_detection.max_no_commit_sessions': seed(
    int(1, 1000),
    3,
    'Attempts of one subtask without a commit before it is given up.',
  ),
  'stall_detection.max_consecutive_failures': seed(
    int(1, 1000),
    5,
    'Failed attempts in a row, without progress, before the task blocks.',
  ),
  'stall_detection.circular_fix_threshold': seed(
    number(0, 1),
    0.3,
    'Similarity of two failed approaches from which the prompt warns of going in circles.',
  ),

  'review.enabled': seed(
    bool(),
    true,
    'Review the result. Written as true, the main agent reviews where the reviewer has no program of its own.',
    'true where agents.reviewer.backend or agents.reviewer.command is written',
  ),
  'review.per_subtask': seed(bool(), false, 'Review every subtask, not only the whole.'),
  'review.max_loops': seed(int(1, 1000), 3, 'Most rounds of review.'),
  'qa.enabled': seed(
    bool(),
    true,
    'Check the whole result. Written as true, the main agent does it where QA has no program of its own.',
    'true where agents.qa.backend or agents.qa.command is written',
  ),
  'qa.per_subtask': seed(bool(), false, 'QA for every subtask, not only the whole.'),
  'qa.max_iterations': seed(int(1, 1000), 50, 'Most rounds of QA.'),
  'qa.recurring_issue_threshold': seed(int(1, 100), 3, 'The same issue this often: a person is asked.'),
};
