/** Triggers as people read them: a table, a page, receipts. Pure, apart from the time zone of the process. */
import type { Definition, ReceiptView, TriggerView } from '../index.ts';
import { oneLine } from './output.ts';
import { elapsed, localTime } from './time.ts';

const GAP = '  ';
const WHEN_CHARS = 40;
const GOAL_CHARS = 60;

export function triggerTable(views: readonly TriggerView[], now_ms: number): string[] {
  const rows = views.map(view => [
    view.name,
    statusText(view),
    oneLine(view.when, WHEN_CHARS),
    nextText(view, now_ms),
    lastText(view, now_ms),
    oneLine(view.goal, GOAL_CHARS),
  ]);
  return columns([['NAME', 'STATUS', 'WHEN', 'NEXT', 'LAST', 'WHAT'], ...rows]);
}

function statusText({ status, live, queued, overdue, last_end }: TriggerView): string {
  const colour = last_end === 'failed' ? ', red' : last_end === 'completed' ? ', green' : '';
  const now = live.length > 0 ? ', running' : queued > 0 ? ', queued' : '';
  return `${status}${now}${colour}${overdue ? ', overdue' : ''}`;
}

function nextText({ next_at, kind, status }: TriggerView, now_ms: number): string {
  if (status !== 'active') return '-';
  if (next_at === null) return kind === 'watch' ? 'a change' : kind === 'webhook' ? 'a delivery' : '-';
  return `in ${elapsed(Math.max(0, Date.parse(next_at) - now_ms))}`;
}

function lastText({ last }: TriggerView, now_ms: number): string {
  return last ? `${last.outcome} ${elapsed(Math.max(0, now_ms - Date.parse(last.t)))} ago` : '-';
}

export function triggerPage(view: TriggerView & { definition: Definition }, now_ms: number): string {
  const { policy } = view.definition;
  const lines: [string, string | null][] = [
    ['Trigger', view.name],
    ['Id', view.id],
    ['Status', `${statusText(view)}${view.reason ? ` (${oneLine(view.reason)})` : ''}`],
    ['When', oneLine(view.when, 200)],
    ['Next', view.next_at ? `${localTime(view.next_at)} (${nextText(view, now_ms)})` : null],
    ['Runs', oneLine(view.goal, 200)],
    ['In', view.project],
    ['Overlap', policy.overlap],
    ['Catch-up', `${policy.catch_up}, at most ${duration(policy.max_late_seconds)} late`],
    ['Jitter', policy.jitter_seconds > 0 ? duration(policy.jitter_seconds) : null],
    ['Until', policy.until],
    ['Max runs', policy.max_runs === null ? null : String(policy.max_runs)],
    ['Pauses after', policy.pause_after === null ? 'never' : `${policy.pause_after} failures in a row`],
    ['Notifies', policy.notify.replace('_', ' ')],
    [
      'Expected',
      policy.expect_within_seconds === null
        ? null
        : `a success within ${duration(policy.expect_within_seconds)}`,
    ],
    ['Watches', view.watching ? watchText(view.watching) : null],
    ['From', view.source],
    ['Last success', view.last_success_at && localTime(view.last_success_at)],
    ['Slots', countsText(view.counts)],
  ];
  const shown = lines.filter((line): line is [string, string] => line[1] !== null);
  const runs = view.runs.slice(-5).map(run => `  ${run.slot}  ${run.end ?? 'running'}  ${run.task}`);
  const width = Math.max(...shown.map(([name]) => name.length)) + 2;
  return [
    ...shown.map(([name, text]) => `${`${name}:`.padEnd(width)} ${text}`),
    ...(runs.length > 0 ? ['Last runs:', ...runs] : []),
  ].join('\n');
}

function watchText({ files, polling }: { files: number | null; polling: string | null }): string {
  const what = files === null ? 'looking for its files' : `${files} files`;
  return polling === null ? what : `${what}, by looking through them: ${polling}`;
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, n]) => n > 0);
  return some.length === 0 ? 'none yet' : some.map(([what, n]) => `${n} ${what}`).join(', ');
}

export function receiptLines(receipts: readonly ReceiptView[]): string[] {
  return columns(
    receipts.map(receipt => [localTime(receipt.t), slotText(receipt), receipt.outcome, receiptText(receipt)]),
  );
}

const slotText = ({ slot, last, count }: ReceiptView) => (count > 1 ? `${slot} … ${last} (${count})` : slot);

export function receiptText({ outcome, task, reason, into, late_ms }: ReceiptView): string {
  const parts = [
    ...(outcome === 'late' ? [`${elapsed(late_ms)} late`] : []),
    ...(task ? [`task ${task}`] : []),
    ...(into ? [`into ${into}`] : []),
    ...(reason ? [oneLine(reason)] : []),
  ];
  return parts.join(', ');
}

export function duration(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds > 0) return `${seconds / 86_400}d`;
  if (seconds % 3600 === 0 && seconds > 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 && seconds > 0 ? `${seconds / 60}m` : `${seconds}s`;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map(row => row[i]!.length)));
  return rows.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join(GAP)
      .trimEnd(),
  );
}
