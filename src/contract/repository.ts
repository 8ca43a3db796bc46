/** The repository of a task as it was when the task was submitted (git/captured.ts). Part of the journal. */
export interface CapturedRepository {
  /** Top of the user's checkout. */
  root: string;
  /** Where the project is in it, '' at its top. Absent in older journals: at its top. */
  folder?: string;
  /** git's folder of that checkout; the common one, or that of a linked worktree. */
  git_dir: string;
  /** What all worktrees of the repository share: its identity. Real path, as the next two are. */
  common_dir: string;
  objects: string;
  refs: string;
  /** Settings that decide what a commit holds, in order; null: named without a value. */
  config: [key: string, value: string | null][];
  /** Ignore patterns of the user and of the repository that are not in its files. */
  exclude: string;
  /** Attributes of the repository over those in its files, and of the user beneath them. */
  attributes: string;
  users_attributes: string;
  /** Patterns of a sparse checkout; null where there is none. */
  sparse: string | null;
  /** Ends of a shallow history, and other places that objects are in; null where there are none. */
  shallow: string | null;
  alternates: string | null;
}
