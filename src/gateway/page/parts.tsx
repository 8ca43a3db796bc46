/** Small parts that several views use. Texts of agents and logs are text nodes here and everywhere. */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ProblemError } from './api.ts';
import { clock, duration } from './format.ts';
import type { TaskView } from './store.ts';

export function Badge({ status }: { status: string }) {
  return <span class={`badge s-${status}`}>{status.replaceAll('_', ' ')}</span>;
}

export function Say({ error }: { error: unknown }) {
  if (!error) return null;
  const problem = error instanceof ProblemError ? error.problem : null;
  return (
    <p class="problem" role="alert">
      {problem?.detail ?? String(error)}
      {problem?.hint ? <span class="hint"> {problem.hint}</span> : null}
    </p>
  );
}

interface ActProps {
  label: string;
  /** What will happen, in a sentence; asked once before it does. */
  ask: string;
  danger?: boolean;
  primary?: boolean;
  /** A text that goes with it. */
  text?: string;
  run(text: string): Promise<unknown>;
}

/** A button that says what it will do, asks once, and tells what became of it. */
export function Act({ label, ask, danger, primary, text, run }: ActProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [words, setWords] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await run(words);
      dialog.current?.close();
      setWords('');
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button
        type="button"
        class={danger ? 'danger' : primary ? 'primary' : ''}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-label={label}>
        <form onSubmit={submit}>
          <h2>{label}</h2>
          <p>{ask}</p>
          {text === undefined ? null : (
            <label>
              {text}
              <textarea
                rows={4}
                required
                value={words}
                onInput={event => setWords((event.target as HTMLTextAreaElement).value)}
              />
            </label>
          )}
          <Say error={error} />
          <div class="row end">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class={danger ? 'danger' : 'primary'} disabled={busy}>
              {busy ? 'Working…' : label}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface Bar {
  from: number;
  to: number;
  outcome: string;
  label: string;
}

export function barsOf(view: TaskView, now: number): Bar[] {
  return view.subtasks.flatMap(step => [
    ...step.history.map(({ started_at, ended_at, outcome, n }) => ({
      from: Date.parse(started_at),
      to: Date.parse(ended_at),
      outcome,
      label: `${step.id}/${n}: ${outcome}, ${clock(started_at)} to ${clock(ended_at)}`,
    })),
    ...(step.attempt?.started_at
      ? [
          {
            from: Date.parse(step.attempt.started_at),
            to: now,
            outcome: 'running',
            label: `${step.id}/${step.attempt.n}: since ${clock(step.attempt.started_at)}`,
          },
        ]
      : []),
  ]);
}

const WIDTH = 1000;
const LANE = 14;
/** Lanes that are shown; the table has the same. */
const LANES_MAX = 20;
const SPAN_MIN_MS = 60_000;

/** One lane a task, one bar an attempt; the same as a table for those who do not see it. */
export function Timeline({ tasks, since }: { tasks: TaskView[]; since: number }) {
  const now = Date.now();
  const lanes = tasks
    .map(view => ({ view, bars: barsOf(view, now).filter(bar => bar.to > since) }))
    .filter(({ bars }) => bars.length > 0)
    .slice(0, LANES_MAX);
  if (lanes.length === 0) return null;
  const earliest = Math.min(...lanes.flatMap(({ bars }) => bars.map(bar => bar.from)));
  const first = Math.min(Math.max(since, earliest), now - SPAN_MIN_MS);
  const x = (time: number) => ((Math.max(time, first) - first) / (now - first)) * WIDTH;
  return (
    <section class="card" aria-label="Timeline">
      <div class="row spread">
        <h2>Timeline</h2>
        <span class="quiet">
          {clock(new Date(first).toISOString())} to now ({duration((now - first) / 1000)})
        </span>
      </div>
      <div class="lanes" aria-hidden="true">
        {lanes.map(({ view, bars }) => (
          <div class="lane" key={view.id}>
            <span class="lane-name">{view.name}</span>
            <svg class="timeline" viewBox={`0 0 ${WIDTH} ${LANE}`} preserveAspectRatio="none">
              <title>{view.name}</title>
              {bars.map(bar => (
                <rect
                  key={bar.label}
                  class={`bar o-${bar.outcome}`}
                  x={x(bar.from)}
                  y={0}
                  width={Math.max(2, x(bar.to) - x(bar.from))}
                  height={LANE}
                >
                  <title>{bar.label}</title>
                </rect>
              ))}
            </svg>
          </div>
        ))}
      </div>
      <details>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">Attempts</th>
            </tr>
          </thead>
          <tbody>
            {lanes.map(({ view, bars }) => (
              <tr key={view.id}>
                <th scope="row">{view.name}</th>
                <td>{bars.map(bar => bar.label).join('; ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}
