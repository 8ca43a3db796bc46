/** A second supervisor in miniature: holds the lock of the repository given as argument until it is killed. See hold-repository.ts. */
import { withRepositoryLock } from '../../src/git/lock.ts';

/** Should nobody kill it. */
const LONGEST_MS = 600_000;

await withRepositoryLock({ common_dir: process.argv[2]! }, async () => {
  process.stdout.write('held\n');
  await new Promise(resolve => setTimeout(resolve, LONGEST_MS));
});
