/** Every limit of git work in one place: times in milliseconds, sizes in bytes. */

/** Longest command that should take milliseconds, however large the repository is. */
export const POINTED_TIMEOUT_MS = 15_000;
/** After this time it is asked whether a command waits for a special file. */
export const PATIENCE_MS = 2_000;
/** Longest command that only reads. */
export const READ_TIMEOUT_MS = 60_000;
/** Longest command that writes: a checkout or an `add` of a large repository on a slow disk. */
export const WRITE_TIMEOUT_MS = 10 * 60_000;
/** Between SIGTERM (git removes its lock files) and SIGKILL. */
export const KILL_GRACE_MS = 5_000;
/** Between the end of git and that of its output, which a process that it left running may hold. */
export const DRAIN_MS = 1_000;
/** Most output of one command that is kept. */
export const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
export const MAX_STDERR_BYTES = 1024 * 1024;
/** Lines and characters of stderr that an error quotes. */
export const QUOTED_LINES = 6;
export const QUOTED_CHARACTERS = 2_000;

/** Works that may wait for one repository inside this process. */
export const MAX_WAITING = 1_000;
/** Longest wait for another supervisor to leave the repository. */
export const LOCK_WAIT_MS = 10_000;
export const LOCK_POLL_MS = 50;
/** Who has worked in a repository mostly goes on in a moment; for longer than the second one in all nobody keeps it. */
export const LOCK_KEPT_MS = 250;
export const LOCK_KEPT_MAX_MS = 1_000;
/** Locks of a dead git that one command may meet: refs, HEAD, the index, packed-refs and its new text. */
export const MAX_MENDED_LOCKS = 8;

/** Where /proc cannot prove it, and for locks of the whole repository: the least age of a lock that is removed. */
export const STALE_LOCK_MS = 10_000;

/** Names tried for one slug: `slug`, `slug-2`, … */
export const MAX_NAMES = 99;
/** Damaged files and folders moved aside under one name. */
export const MAX_ASIDE = 99;
/** Paths named in a result or an error. */
export const MAX_NAMED_PATHS = 100;
/** Loose objects made durable one by one after an attempt; beyond this the disk's own write-back must do. */
export const MAX_SYNCED_OBJECTS = 20_000;
/** Objects of a commit that a clone gets as links; more come in a pack. */
export const MAX_LINKED_OBJECTS = 2_000;
/** Objects and packs of one clone that are remembered, and clones of which that is done. */
export const MAX_KNOWN_OBJECTS = 20_000;
export const MAX_KNOWN_STORES = 50;
/** Objects in files of their own that are looked at; git packs them long before. */
export const MAX_LOOSE_OBJECTS = 200_000;
/** Loose objects that were written so long ago have long been on the disk; younger ones are looked into. */
export const TORN_OBJECT_MS = 60 * 60_000;
/** Times a merge starts anew because the branch moved while its gates ran. */
export const MERGE_TRIES = 3;
/** Patch text read for the diff gate; more is reported as not inspected. */
export const MAX_PATCH_BYTES = 32 * 1024 * 1024;
/** A file of configuration that is compared as a whole. */
export const MAX_WHOLE_BYTES = 1024 * 1024;
/** Characters of one changed line that are looked at. */
export const MAX_LINE_CHARACTERS = 4_096;

/** Longest look at the user's configuration when a task is submitted. */
export const CAPTURE_TIMEOUT_MS = 10_000;
/** One file of ignore patterns, attributes or the like; more is no file that people write. */
export const MAX_CAPTURED_BYTES = 256 * 1024;
export const MAX_CAPTURED_SETTINGS = 2_000;
export const MAX_EXCLUDE_BYTES = 1024 * 1024;
/** HEAD, a ref, `.git` of a worktree, a record of ours. */
export const MAX_SMALL_BYTES = 64 * 1024;
/** An index of some ten million files. A larger one is built anew. */
export const MAX_INDEX_BYTES = 1024 * 1024 * 1024;
/** Attributes and ignore patterns in a worktree; newer gits do not read more than this either. */
export const MAX_CONTROL_BYTES = 100 * 1024 * 1024;
/** The log of a ref of ours. */
export const MAX_LOG_BYTES = 16 * 1024 * 1024;
/** Longest look for special files in a worktree. */
export const SEARCH_TIMEOUT_MS = 20_000;
/** Objects that are linked into a clone at the same time. */
export const LINKED_AT_ONCE = 64;
/** Times the packs are listed while the user's git makes and removes some. */
export const MAX_PACK_LOOKS = 10;
/** Branches, tags and stashes of a clone that are taken over from one attempt. */
export const MAX_TIPS = 500;
/** Special files and links in git's folder of a clone that are put aside one by one; with more it is made anew. */
export const MAX_ODD = 1_000;
