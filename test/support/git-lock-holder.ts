/** A second supervisor in miniature: holds the lock of the repository given as argument until it is killed. */
import { withRepositoryLock } from '../../src/git/lock.ts';

await withRepositoryLock({ common_dir: process.argv[2]! }, async () => {
  process.stdout.write('held\n');
  await new Promise(resolve => setTimeout(resolve, 60_000));
});
