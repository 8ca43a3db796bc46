/** Everything about commits of a task that the supervisor uses, under one name. */
export {
  type CommitLine,
  commitsSince,
  type DiffStat,
  deleteTaskRefs,
  diffStat,
  diffText,
  treeOf,
} from './history.ts';
export { lastGood, listTaskRefs, markGood, type TaskRef } from './refs.ts';
export { resetWorktree } from './reset.ts';
export { type CommitMarks, type Sealed, type SealOptions, sealAttempt } from './seal.ts';
