/** Triggers: when they are due next, what became of the last slots, and fire, pause, resume. */
import { useEffect, useState } from 'preact/hooks';
import type { TriggerView } from '../../contract/trigger.ts';
import { get, post } from './api.ts';
import { ago, firstLine, until } from './format.ts';
import { Act, Badge, Say } from './parts.tsx';

const LOOK_MS = 10_000;

export function Triggers() {
  const [triggers, setTriggers] = useState<TriggerView[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = () => get<TriggerView[]>('/v1/triggers').then(setTriggers);
  useEffect(() => {
    load().catch(setError);
    const timer = window.setInterval(() => void load().catch(() => {}), LOOK_MS);
    return () => window.clearInterval(timer);
  }, []);
  const act = (trigger: TriggerView, verb: string) => async () => {
    await post(`/v1/triggers/${trigger.id}/${verb}`);
    await load();
  };
  return (
    <>
      <h1>Triggers</h1>
      <Say error={error} />
      {triggers === null && !error ? <p class="quiet">…</p> : null}
      {triggers?.length === 0 ? (
        <section class="card">
          <p>There are none. In a terminal:</p>
          <pre>{'rasen run --cron "0 2 * * *" -- npm test'}</pre>
        </section>
      ) : null}
      <ul class="plain">
        {triggers?.map(trigger => (
          <li key={trigger.id} class="card">
            <div class="row spread">
              <b>{trigger.name}</b>
              <Badge status={trigger.overdue ? 'failed' : trigger.status} />
            </div>
            <p>{firstLine(trigger.goal)}</p>
            <p class="quiet">
              {trigger.when}
              {trigger.next_at ? ` · next ${until(trigger.next_at)}` : ''}
              {trigger.queued > 0 ? ` · ${trigger.queued} waiting` : ''}
            </p>
            {trigger.reason ? <p class="reason">{trigger.reason}</p> : null}
            {trigger.last ? (
              <p class="quiet">
                Last slot: {trigger.last.outcome}, {ago(trigger.last.t)}
                {trigger.last.reason ? ` (${trigger.last.reason})` : ''}
                {trigger.last_end ? ` · last run ${trigger.last_end}` : ''}
              </p>
            ) : null}
            {trigger.runs.length > 0 ? (
              <details>
                <summary>Runs</summary>
                <ul>
                  {trigger.runs.toReversed().map(run => (
                    <li key={run.task}>
                      <a href={`#/task/${run.task}`}>{run.slot}</a> {run.end ?? 'running'}
                    </li>
                  ))}
                </ul>
              </details>
            ) : null}
            <div class="row actions">
              {trigger.status === 'active' ? (
                <>
                  {trigger.kind === 'webhook' ? null : (
                    <Act
                      label="Fire"
                      ask={`${trigger.name} runs now, beside its schedule.`}
                      run={act(trigger, 'fire')}
                    />
                  )}
                  <Act
                    label="Pause"
                    ask={`${trigger.name} runs nothing until it is resumed.`}
                    run={act(trigger, 'pause')}
                  />
                </>
              ) : null}
              {trigger.status === 'paused' ? (
                <Act
                  label="Resume"
                  ask={`${trigger.name} runs at its next slot.`}
                  primary
                  run={act(trigger, 'resume')}
                />
              ) : null}
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}
