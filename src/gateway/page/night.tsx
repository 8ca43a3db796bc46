/** What happened since you left: first what needs you, then what runs, what is done and what failed. */
import { useEffect, useState } from 'preact/hooks';
import { get } from './api.ts';
import {
  ago,
  dollars,
  duration,
  firstLine,
  folderName,
  type Group,
  groupOf,
  tokens,
  until,
} from './format.ts';
import { Badge, Timeline } from './parts.tsx';
import { isUp, Services, servicesOf } from './services.tsx';
import { type TaskView, useTasks } from './store.ts';

interface Totals {
  tasks: number;
  needs_you: number;
  attempts: number;
  commits: number;
  active_seconds: number;
  total_tokens: number;
  cost_usd: number | null;
}

const GROUPS: readonly { group: Group; title: string; empty: string }[] = [
  { group: 'needs', title: 'Needs you', empty: 'Nothing waits for you.' },
  { group: 'running', title: 'Running', empty: 'Nothing runs.' },
  { group: 'done', title: 'Done', empty: 'Nothing is done yet.' },
  { group: 'failed', title: 'Failed', empty: 'Nothing failed.' },
];

const SPANS = [
  { hours: 8, label: '8 hours' },
  { hours: 24, label: '24 hours' },
  { hours: 24 * 7, label: '7 days' },
];
const HOUR_MS = 3_600_000;

export function Night() {
  const { tasks, loaded } = useTasks();
  const [hours, setHours] = useState(24);
  const [totals, setTotals] = useState<Totals | null>(null);
  const since = Date.now() - hours * HOUR_MS;
  const stamp = tasks.reduce((sum, task) => sum + task.seq, 0);
  useEffect(() => {
    let gone = false;
    const from = new Date(Date.now() - hours * HOUR_MS).toISOString();
    get<{ totals: Totals }>(`/v1/tasks/report?since=${from}`)
      .then(report => gone || setTotals(report.totals))
      .catch(() => {});
    return () => {
      gone = true;
    };
  }, [hours, stamp]);
  const recent = tasks.filter(
    task =>
      groupOf(task.status) === 'needs' ||
      groupOf(task.status) === 'running' ||
      Date.parse(task.last_activity) > since,
  );
  const services = recent.flatMap(servicesOf).filter(isUp);
  if (loaded && tasks.length === 0) return <Welcome />;
  return (
    <>
      <div class="row spread">
        <h1>Night</h1>
        <label class="inline">
          Since{' '}
          <select
            value={hours}
            onChange={event => setHours(Number((event.target as HTMLSelectElement).value))}
          >
            {SPANS.map(span => (
              <option key={span.hours} value={span.hours}>
                {span.label}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ul class="totals" aria-label="Totals">
        <Total value={String(totals?.attempts ?? '–')} name="attempts" />
        <Total value={String(totals?.commits ?? '–')} name="commits" />
        <Total value={totals ? tokens(totals.total_tokens) : '–'} name="tokens" />
        <Total value={totals ? dollars(totals.cost_usd) : '–'} name="cost" />
        <Total value={totals ? duration(totals.active_seconds) : '–'} name="worked" />
      </ul>
      <Timeline tasks={recent} since={since} />
      {services.length > 0 ? (
        <section class="card" aria-label="Services">
          <h2>
            Services <span class="quiet">{services.length}</span>
          </h2>
          <Services services={services} named />
        </section>
      ) : null}
      {GROUPS.map(({ group, title, empty }) => {
        const rows = recent.filter(task => groupOf(task.status) === group);
        return (
          <section key={group} aria-label={title}>
            <h2>
              {title} <span class="quiet">{rows.length}</span>
            </h2>
            {rows.length === 0 ? (
              <p class="quiet">{loaded ? empty : '…'}</p>
            ) : (
              <ul class="tasks">
                {rows.map(task => (
                  <Row key={task.id} task={task} />
                ))}
              </ul>
            )}
          </section>
        );
      })}
    </>
  );
}

function Total({ value, name }: { value: string; name: string }) {
  return (
    <li>
      <b>{value}</b> <span>{name}</span>
    </li>
  );
}

function Row({ task }: { task: TaskView }) {
  const { id, name, goal, status, reason, resume_at, completed_subtasks, total_subtasks, last_activity } =
    task;
  const handed = task.handed_over?.length ?? 0;
  return (
    <li>
      <a class="task" href={`#/task/${id}`}>
        <span class="row spread">
          <b>{name}</b>
          <Badge status={status} />
        </span>
        <span class="goal">{firstLine(goal)}</span>
        {reason ? <span class="reason">{firstLine(reason)}</span> : null}
        <span class="quiet">
          {folderName(task.project)}
          {task.group === undefined ? '' : ` · group ${task.group}`}
          {task.priority ? ` · priority ${task.priority}` : ''}
          {handed > 0 ? ` · ${handed} handed over` : ''} · {completed_subtasks}/{total_subtasks} subtasks ·{' '}
          {dollars(task.total_cost_usd)} · {resume_at ? `goes on ${until(resume_at)}` : ago(last_activity)}
        </span>
      </a>
    </li>
  );
}

function Welcome() {
  return (
    <section class="card">
      <h1>No tasks yet</h1>
      <p>
        <a href="#/new">Hand over a task</a>, or in a terminal:
      </p>
      <pre>{'rasen init --task "Implement password reset"\nrasen run --background'}</pre>
    </section>
  );
}
