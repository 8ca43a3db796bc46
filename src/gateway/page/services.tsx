/** Services: subtasks that stay up. Which are ready, where they are reached, and how often they were started again. */
import type { ComponentChildren } from 'preact';
import { clock, firstLine } from './format.ts';
import { Badge } from './parts.tsx';
import type { TaskView } from './store.ts';

type Step = TaskView['subtasks'][number];

export interface Service {
  task: TaskView;
  step: Step;
  at: NonNullable<Step['service']>;
}

export const servicesOf = (task: TaskView): Service[] =>
  task.subtasks.flatMap(step => (step.service ? [{ task, step, at: step.service }] : []));

/** One that was started and has not been ended. */
export const isUp = ({ step }: Service) => step.status === 'in_progress' && step.attempt !== null;

/** A service is completed never: what ended as it should was stopped. */
export function wordOf(step: Step): string {
  if (!step.service) return step.status;
  if (step.status === 'completed') return 'stopped';
  return step.status === 'in_progress' ? (step.service.ready ? 'ready' : 'not_ready') : step.status;
}

export function Services({ services, named }: { services: Service[]; named: boolean }) {
  return (
    <ul class="services">
      {services.map(({ task, step, at }) => (
        <li key={`${task.id} ${step.id}`}>
          <div class="row spread">
            <b>{firstLine(step.title) || step.id}</b>
            <Badge status={wordOf(step)} />
          </div>
          <span class="quiet">
            {joined([
              named ? <a href={`#/task/${task.id}`}>{task.name}</a> : null,
              at.url === null ? null : <Address url={at.url} />,
              at.ready && at.since ? `since ${clock(at.since)}` : null,
              at.restarts > 0 ? `${at.restarts} ${at.restarts === 1 ? 'restart' : 'restarts'}` : null,
            ])}
          </span>
          {step.reason ? <p class="reason">{step.reason}</p> : null}
        </li>
      ))}
    </ul>
  );
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** A link where this browser is on the machine that the address means. */
function Address({ url }: { url: string }) {
  const at = URL.parse(url);
  const is_link = at !== null && /^https?:$/.test(at.protocol) && LOOPBACK.test(at.hostname);
  if (!is_link || !LOOPBACK.test(location.hostname)) return <span>{url}</span>;
  return (
    <a href={at.href} target="_blank" rel="noreferrer">
      {url}
    </a>
  );
}

function joined(parts: ComponentChildren[]): ComponentChildren[] {
  return parts.filter(part => part !== null).flatMap((part, i) => (i === 0 ? [part] : [' · ', part]));
}
