/** A second supervisor in miniature: holds the lock of the repository given as argument until it is killed, for at most so many ms. */
import { withRepositoryLock } from '../../src/git/lock.ts';

await withRepositoryLock({ common_dir: process.argv[2]! }, async () => {
  process.stdout.write('held\n');
  await new Promise(resolve => setTimeout(resolve, Number(process.argv[3] ?? 60_000)));
});
