/**
 * What Prometheus asks for, text format 0.0.4. Counted from the reports of the tasks, each read again only when it has
 * changed; counters never go down, also when a task is removed. No label grows with the number of tasks.
 */
import type { Report, TaskReport } from '../contract/report.ts';
import type { TaskView } from '../contract/view.ts';
import { VERSION } from '../version.ts';

/** Newest tasks that are counted one by one. */
const TASKS_MAX = 1000;

type Ask = <T>(method: string, params: unknown) => Promise<T>;

interface DaemonStatus {
  version: string;
  started_at: string;
  tasks: Record<string, number>;
  live_jobs: number;
  max_live_jobs: number;
  rss_bytes: number;
  damaged: number;
  stored?: { bytes: number | null };
}

/** Of the gateway itself. */
export interface OwnCounts {
  requests: ReadonlyMap<string, number>;
  refused: ReadonlyMap<string, number>;
  streams: number;
}

const STATUSES = [
  ...['pending', 'running', 'waiting', 'interrupted', 'blocked', 'completed', 'failed', 'cancelled'],
];

export class Metrics {
  readonly #reports = new Map<string, { seq: number; report: TaskReport }>();
  readonly #counters = new Map<string, { last: number; gone: number }>();

  readonly #labels = new Map<string, Set<string>>();

  async text(ask: Ask, own?: OwnCounts): Promise<string> {
    const status = await ask<DaemonStatus>('daemon.status', {});
    const views = await ask<TaskView[]>('task.list', { limit: TASKS_MAX });
    await this.#read(ask, views);
    const page = new Page();
    page.add('rasen_build_info', 'gauge', 'Version of the supervisor and of who tells this.', [
      [{ version: status.version, gateway: VERSION }, 1],
    ]);
    const statuses = [...new Set([...STATUSES, ...Object.keys(status.tasks)])];
    page.add(
      'rasen_tasks',
      'gauge',
      'Tasks by status.',
      statuses.map(name => [{ status: name }, status.tasks[name] ?? 0]),
    );
    page.add('rasen_tasks_damaged', 'gauge', 'Tasks on disk that cannot be used.', [[{}, status.damaged]]);
    const needing = views.filter(needsPerson).length;
    page.add('rasen_tasks_needing_a_person', 'gauge', 'Tasks that are blocked.', [[{}, needing]]);
    page.add('rasen_live_jobs', 'gauge', 'Processes of attempts and gates that run.', [
      [{}, status.live_jobs],
    ]);
    page.add('rasen_live_jobs_limit', 'gauge', 'How many may.', [[{}, status.max_live_jobs]]);
    page.add('rasen_resident_memory_bytes', 'gauge', 'Memory of the supervisor.', [[{}, status.rss_bytes]]);
    page.add('rasen_start_time_seconds', 'gauge', 'When the supervisor was started.', [
      [{}, Date.parse(status.started_at) / 1000],
    ]);
    if (status.stored?.bytes != null)
      page.add('rasen_stored_bytes', 'gauge', 'What tasks that are over take on the disk.', [
        [{}, status.stored.bytes],
      ]);
    this.#addCounters(page);
    if (own) addOwn(page, own);
    return page.text();
  }

  async #read(ask: Ask, views: readonly TaskView[]): Promise<void> {
    const ids = new Set(views.map(({ id }) => id));
    for (const id of this.#reports.keys()) if (!ids.has(id)) this.#reports.delete(id);
    const changed = views.filter(({ id, seq, status }) => {
      const known = this.#reports.get(id);
      return known?.seq !== seq && status !== 'damaged' && status !== 'newer_format';
    });
    if (changed.length === 0) return;
    const { tasks } = await ask<Report>('task.report', { tasks: changed.map(({ id }) => id) });
    const seqs = new Map(changed.map(({ id, seq }) => [id, seq]));
    for (const report of tasks) this.#reports.set(report.id, { seq: seqs.get(report.id) ?? 0, report });
  }

  #addCounters(page: Page): void {
    const reports = [...this.#reports.values()].map(({ report }) => report);
    const sum = (pick: (report: TaskReport) => number) =>
      reports.reduce((total, report) => total + pick(report), 0);
    const by = (pick: (report: TaskReport) => Record<string, number>) => {
      const found = new Map<string, number>();
      for (const report of reports)
        for (const [name, count] of Object.entries(pick(report)))
          found.set(name, (found.get(name) ?? 0) + count);
      return found;
    };
    const labelled = (name: string, label: string, about: string, values: Map<string, number>) => {
      const seen = this.#labels.get(name) ?? new Set();
      for (const value of values.keys()) seen.add(value);
      this.#labels.set(name, seen);
      // What was told once is told for ever: a series that ends looks like a counter that was set back.
      const samples = [...seen].map((value): Sample => {
        const count = this.#count(`${name} ${value}`, values.get(value) ?? 0);
        return [{ [label]: value }, count];
      });
      page.add(name, 'counter', about, samples);
    };
    const plain = (name: string, about: string, value: number) =>
      page.add(name, 'counter', about, [[{}, this.#count(name, value)]]);
    labelled(
      'rasen_attempts_total',
      'outcome',
      'Attempts that ended.',
      by(report => report.attempts),
    );
    labelled(
      'rasen_refusals_total',
      'gate',
      'What gates refused.',
      by(report => report.refused),
    );
    labelled(
      'rasen_wait_seconds_total',
      'reason',
      'Time that tasks have waited.',
      by(report => waitsOf(report)),
    );
    const tokens = new Map([
      ['input', sum(report => report.input_tokens)],
      ['output', sum(report => report.output_tokens)],
    ]);
    labelled('rasen_tokens_total', 'kind', 'Tokens of the sessions of agents.', tokens);
    plain(
      'rasen_cost_usd_total',
      'Cost of the sessions whose program says it.',
      sum(report => report.cost_usd ?? 0),
    );
    plain(
      'rasen_commits_total',
      'Commits of tasks.',
      sum(report => report.commits),
    );
    plain(
      'rasen_active_seconds_total',
      'Time that tasks have worked.',
      sum(report => report.active_seconds),
    );
    plain(
      'rasen_restarts_total',
      'How often a task was taken over by another supervisor.',
      sum(report => report.restarts),
    );
  }

  #count(name: string, value: number): number {
    const known = this.#counters.get(name) ?? { last: 0, gone: 0 };
    if (value < known.last) known.gone += known.last - value;
    known.last = value;
    this.#counters.set(name, known);
    return value + known.gone;
  }
}

const needsPerson = ({ status }: TaskView) => status === 'blocked';

function waitsOf({ waits }: TaskReport): Record<string, number> {
  const seconds: Record<string, number> = {};
  for (const wait of waits) seconds[wait.why] = (seconds[wait.why] ?? 0) + wait.seconds;
  return seconds;
}

function addOwn(page: Page, { requests, refused, streams }: OwnCounts): void {
  page.add(
    'rasen_gateway_requests_total',
    'counter',
    'Requests by class of their answer.',
    [...requests].map(([code, count]) => [{ code }, count]),
  );
  page.add(
    'rasen_gateway_refused_total',
    'counter',
    'Requests that were turned away at the door.',
    [...refused].map(([reason, count]) => [{ reason }, count]),
  );
  page.add('rasen_gateway_streams', 'gauge', 'Streams that are open.', [[{}, streams]]);
  page.add('rasen_gateway_resident_memory_bytes', 'gauge', 'Memory of the gateway.', [
    [{}, process.memoryUsage.rss()],
  ]);
}

type Sample = [labels: Record<string, string>, value: number];

class Page {
  #lines: string[] = [];

  add(name: string, type: 'counter' | 'gauge', about: string, samples: Sample[]): void {
    this.#lines.push(`# HELP ${name} ${about}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) {
      const text = Object.entries(labels).map(([key, label]) => `${key}="${escaped(label)}"`);
      this.#lines.push(`${name}${text.length > 0 ? `{${text.join(',')}}` : ''} ${value}`);
    }
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

const escaped = (text: string) =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
