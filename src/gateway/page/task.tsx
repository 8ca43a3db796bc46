/** One task: how it stands, what it does now, its plan with gates and evidence, and what can be done with it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, post } from './api.ts';
import { ago, dollars, duration, firstLine, tokens, until } from './format.ts';
import { Log } from './log.tsx';
import { Act, Badge, Facts, Say, Timeline } from './parts.tsx';
import { Services, servicesOf, wordOf } from './services.tsx';
import { put, refresh, type TaskView, useTasks } from './store.ts';

export function Task({ id, part }: { id: string; part: string }) {
  const { tasks } = useTasks();
  const [error, setError] = useState<unknown>(null);
  const view = tasks.find(task => task.id === id);
  useEffect(() => {
    get<TaskView>(`/v1/tasks/${id}`).then(put).catch(setError);
  }, [id]);
  if (!view) return error ? <Say error={error} /> : <p class="quiet">…</p>;
  return (
    <>
      <div class="row spread">
        <h1>{view.name}</h1>
        <Badge status={view.status} />
      </div>
      <p class="goal">{view.goal}</p>
      {view.reason ? <p class="reason">{view.reason}</p> : null}
      <Buttons view={view} />
      <nav class="tabs" aria-label="Parts of the task">
        {['', 'log', 'diff'].map(name => (
          <a
            key={name}
            href={`#/task/${id}${name && `/${name}`}`}
            aria-current={part === name ? 'page' : undefined}
          >
            {name === '' ? 'Plan' : name === 'log' ? 'Log' : 'Changes'}
          </a>
        ))}
      </nav>
      {part === 'log' ? <Log id={id} /> : part === 'diff' ? <Diff view={view} /> : <Plan view={view} />}
    </>
  );
}

function Buttons({ view }: { view: TaskView }) {
  const { id, status } = view;
  const at = `/v1/tasks/${id}`;
  const run =
    (verb: string, body: object = {}) =>
    async () => {
      await post(`${at}/${verb}`, body);
      refresh(id);
    };
  const goes = ['pending', 'running', 'waiting'].includes(status);
  const asks = status === 'blocked' && view.why === 'question';
  return (
    <div class="row actions">
      {asks ? (
        <Act
          label="Answer"
          ask="The agent is told, and the task goes on."
          text="Your answer"
          primary
          run={async text => run('answer', { text })()}
        />
      ) : null}
      {status === 'interrupted' || status === 'blocked' ? (
        <Act label="Resume" ask="The task goes on where it was." primary={!asks} run={run('resume')} />
      ) : null}
      {goes ? (
        <Act
          label="Note"
          ask="The session that runs is told, or the next one."
          text="What the agent should know"
          run={async text => run('note', { text })()}
        />
      ) : null}
      {goes ? (
        <Act
          label="Stop"
          ask="Its processes are ended. Nothing is lost; it can be resumed."
          run={run('stop')}
        />
      ) : null}
      {status === 'failed' ? (
        <Act
          label="Retry"
          ask="What failed is done again, with a fresh allowance."
          primary
          run={run('retry')}
        />
      ) : null}
      {status === 'completed' && view.commit && !view.merged ? (
        <>
          <Act
            label="Merge"
            ask="The gates run on the merge result; only then the branch that is checked out moves."
            primary
            run={run('merge')}
          />
          <Act
            label="Pull request"
            ask={`Branch ${view.branch} is pushed to origin, and a pull request is opened.`}
            run={run('pull-request')}
          />
        </>
      ) : null}
      {goes || status === 'interrupted' || status === 'blocked' ? (
        <Act
          label="Cancel task"
          ask="The task is over then, and cannot be resumed. Its commits stay."
          danger
          run={run('cancel')}
        />
      ) : null}
    </div>
  );
}

/** Which tasks it waits for or belongs to; only what somebody has said. */
function turnOf({ group, priority, after = [], parent, handed_over = [] }: TaskView) {
  const rows: [string, ComponentChildren][] = [];
  if (group !== undefined) rows.push(['Group', group]);
  if (priority) rows.push(['Priority', String(priority)]);
  if (after.length > 0) rows.push(['After', <Tasks key="after" ids={after} />]);
  if (parent !== undefined) rows.push(['Handed over by', <Tasks key="parent" ids={[parent]} />]);
  if (handed_over.length > 0)
    rows.push([`Handed over (${handed_over.length})`, <Tasks key="handed" ids={handed_over} />]);
  return rows;
}

function Tasks({ ids }: { ids: string[] }) {
  const { tasks } = useTasks();
  return (
    <>
      {ids.map((id, i) => (
        <span key={id}>
          {i === 0 ? '' : ', '}
          <a href={`#/task/${id}`}>{tasks.find(task => task.id === id)?.name ?? id}</a>
        </span>
      ))}
    </>
  );
}

function Plan({ view }: { view: TaskView }) {
  const services = servicesOf(view);
  return (
    <>
      <Facts
        rows={[
          ['Subtasks', `${view.completed_subtasks} of ${view.total_subtasks}`],
          ['Attempts', `${view.iteration} of at most ${view.max_iterations}`],
          ['Tokens', tokens(view.total_tokens)],
          ['Cost', dollars(view.total_cost_usd)],
          ['Worked', duration(view.active_seconds)],
          ['Last activity', ago(view.last_activity)],
          ...(view.resume_at ? ([['Goes on', until(view.resume_at)]] as [string, string][]) : []),
          ['Branch', view.branch ?? '–'],
          ['Project', view.project],
          ['Merged', view.merged ? `into ${view.merged.into}` : 'no'],
          ...turnOf(view),
        ]}
      />
      {services.length > 0 ? (
        <section class="card" aria-label="Services">
          <h2>Services</h2>
          <Services services={services} named={false} />
        </section>
      ) : null}
      <Timeline tasks={[view]} since={Date.parse(view.created_at)} />
      {view.notes.length > 0 ? (
        <section aria-label="Notes">
          <h2>Notes that no agent was told yet</h2>
          <ul>
            {view.notes.map(note => (
              <li key={note.note}>{note.text}</li>
            ))}
          </ul>
        </section>
      ) : null}
      {view.result ? (
        <section class="card" aria-label="Result">
          <h2>What the agent says it did</h2>
          <p class="words">{view.result}</p>
        </section>
      ) : null}
      <section aria-label="Plan">
        <h2>Plan</h2>
        <ol class="plan">
          {view.subtasks.map(step => (
            <li key={step.id} class={`step s-${step.status}`}>
              <div class="row spread">
                <b>{firstLine(step.title) || step.id}</b>
                <Badge status={wordOf(step)} />
              </div>
              <span class="quiet">
                {step.id}
                {step.needs.length > 0 ? ` · after ${step.needs.join(', ')}` : ''}
                {step.attempts > 0
                  ? ` · ${step.attempts} ${step.attempts === 1 ? 'attempt' : 'attempts'}`
                  : ''}
                {step.commit ? ` · ${step.commit.slice(0, 10)}` : ''}
              </span>
              {step.reason ? <p class="reason">{step.reason}</p> : null}
              {step.attempt ? (
                <p>
                  Attempt {step.attempt.n}, {step.attempt.phase}
                  {step.attempt.pid ? ` (pid ${step.attempt.pid})` : ''}
                  {step.attempt.started_at
                    ? `, since ${ago(step.attempt.started_at).replace(' ago', '')}`
                    : ''}
                </p>
              ) : null}
              {step.attempt && step.attempt.gates.length > 0 ? (
                <ul class="gates">
                  {step.attempt.gates.map(gate => (
                    <li key={gate.name}>
                      <Badge status={gate.status} /> {gate.name}
                      {gate.reason ? <span class="reason"> {firstLine(gate.reason)}</span> : null}
                    </li>
                  ))}
                </ul>
              ) : null}
              {step.history.length > 0 ? (
                <details>
                  <summary>Earlier attempts</summary>
                  <ul>
                    {step.history.map(past => (
                      <li key={past.n}>
                        {past.n}: {past.outcome}
                        {past.reason ? `, ${firstLine(past.reason)}` : ''}, {ago(past.ended_at)}
                      </li>
                    ))}
                  </ul>
                </details>
              ) : null}
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}

function Diff({ view }: { view: TaskView }) {
  const [text, setText] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    get<string>(`/v1/tasks/${view.id}/diff`).then(setText).catch(setError);
  }, [view.id, view.commit]);
  if (error) return <Say error={error} />;
  if (text === null) return <p class="quiet">…</p>;
  const lines = text.split('\n');
  return (
    <>
      <p class="quiet">
        From {view.base?.slice(0, 10)} to {view.commit?.slice(0, 10)}.{' '}
        <a href={`/v1/tasks/${view.id}/diff`} download>
          Download
        </a>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard. */}
      <pre class="diff" tabIndex={0}>
        {lines.slice(0, 5000).map((line, i) => (
          <span key={i} class={diffClass(line)}>
            {line}
            {'\n'}
          </span>
        ))}
      </pre>
      {lines.length > 5000 ? <p class="quiet">The first 5,000 of {lines.length} lines.</p> : null}
    </>
  );
}

function diffClass(line: string): string {
  if (line.startsWith('+++') || line.startsWith('---') || line.startsWith('diff ')) return 'd-file';
  if (line.startsWith('@@')) return 'd-hunk';
  if (line.startsWith('+')) return 'd-add';
  return line.startsWith('-') ? 'd-del' : '';
}
