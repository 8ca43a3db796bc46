/**
 * The environment without what git puts there for a hook, an alias or `rebase --exec`: it names the repository that git
 * was busy with and the author of the commit that it made, which is not who submits a task.
 */

/** Of the repository that git was busy with. */
const REPOSITORY =
  /^GIT_(?:DIR|INDEX_FILE|WORK_TREE|PREFIX|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|QUARANTINE_PATH|CONFIG_PARAMETERS|EXEC_PATH|REFLOG_ACTION|INTERNAL_SUPER_PREFIX|SHALLOW_FILE|GRAFT_FILE|IMPLICIT_WORK_TREE)$/;
/** Set by a user or a container, and never by git; a value may be a secret, so none goes with a task. */
const SETTINGS = /^GIT_CONFIG_(?:COUNT|KEY_\d+|VALUE_\d+)$/;
/** Set by git all the same; a user who exports names of an author means it. */
const BY_GIT = /^(?:GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)|GIT_EDITOR)$/;
/** The same moment for all commits of a task is nobody's wish. */
const DATES = /^GIT_(?:AUTHOR|COMMITTER)_DATE$/;

export function withoutHook(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = Object.keys(env);
  const by_git = names.some(name => REPOSITORY.test(name));
  const kept = names.filter(
    name =>
      ![REPOSITORY, SETTINGS, DATES].some(pattern => pattern.test(name)) && !(by_git && BY_GIT.test(name)),
  );
  return Object.fromEntries(kept.map(name => [name, env[name]]));
}
