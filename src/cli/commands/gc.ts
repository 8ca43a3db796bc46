/** `rasen gc`: remove what is over and old. */
import { parseDuration } from '../../util/units.ts';
import { defineCommand, FORMAT } from '../command.ts';
import { usage } from '../errors.ts';
import { oneLine } from '../output.ts';

interface Options {
  olderThan?: number;
  unmerged?: boolean;
  dryRun?: boolean;
  damaged?: boolean;
}

const GC_TIMEOUT_MS = 10 * 60_000;

export const gc = defineCommand<Options>({
  name: 'gc',
  summary: 'Remove tasks that ended long ago, with their worktrees and refs',
  options: [
    { flags: '--older-than <age>', about: 'ended so long ago: 7d (default), 12h, 0', parse: readDays },
    { flags: '--unmerged', about: 'also tasks whose commits were never merged; they are lost' },
    {
      flags: '--damaged',
      about: 'also what is left of tasks that cannot be read, of any age; their keys are free then',
    },
    { flags: '--dry-run', about: 'only tell what would be removed' },
    ...FORMAT,
  ],
  examples: [{ command: 'rasen gc --older-than 30d --dry-run', about: 'what would go' }],
  async run({ options }, context) {
    const { olderThan, unmerged = false, dryRun = false, damaged = false } = options;
    const params = {
      unmerged,
      damaged,
      dry_run: dryRun,
      ...(olderThan === undefined ? {} : { older_than_days: olderThan }),
    };
    const result = await context.link.call('daemon.gc', params, { timeout_ms: GC_TIMEOUT_MS });
    context.out.reply(result, () => {
      const bytes = result.removed.reduce((sum, task) => sum + task.bytes, 0);
      const verb = dryRun ? 'would be removed' : 'removed';
      return [
        ...result.removed.map(task => `${verb}: ${task.id}  ${oneLine(task.name)}`),
        ...result.kept.map(task => `kept: ${task.id}  ${oneLine(task.name)}: ${oneLine(task.reason)}`),
        `${result.removed.length} ${verb} (${Math.round(bytes / 1024)} KiB), ${result.kept.length} kept`,
      ].join('\n');
    });
  },
});

function readDays(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === null) throw usage(`--older-than: "${text}" is no duration.`, 'Write 7d, 12h or 0.');
  return seconds / 86_400;
}
