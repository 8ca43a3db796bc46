/**
 * A supervisor's views to be killed: goes on with the life of a task, a few events at a time. argv: all events there will
 * be, and a file with the number of those that are in the journal, which is written before anybody is told.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Event } from '../../../src/contract/event.ts';
import { foldAll } from '../../../src/engine/fold.ts';
import { nearFiles } from '../../../src/host/far-files.ts';
import { ProjectViews } from '../../../src/views/project-views.ts';

const [, , life, journal] = process.argv as [string, string, string, string];
const events = JSON.parse(readFileSync(life, 'utf8')) as Event[];
let seq = Number(readFileSync(journal, 'utf8'));
const views = new ProjectViews({
  pid: process.pid,
  files: nearFiles,
  log: { warn: () => process.exit(1) },
  eventsAfter: (_, after) => events.slice(after, seq),
});
views.changed(foldAll(events.slice(0, seq)), []);
while (seq < events.length) {
  const some = events.slice(seq, seq + 7);
  seq += some.length;
  writeFileSync(`${journal}.new`, `${seq}`);
  renameSync(`${journal}.new`, journal);
  views.changed(foldAll(events.slice(0, seq)), some);
  await views.flush();
}
await views.close();
