/** Hands over a task: where, what, with which agent; what would run is shown before it starts. */
import { useRef, useState } from 'preact/hooks';
import { AGENT_PROGRAMS } from '../../contract/backends.ts';
import { post } from './api.ts';
import { Say } from './parts.tsx';
import { put, type TaskView, useTasks } from './store.ts';

interface Preview {
  plan: { subtasks: { id: string; title?: string; description?: string }[] } | null;
  gates: { name?: string | null; run: string[] }[];
  setup: string[] | null;
  agents: Record<string, { backend: string } | undefined>;
}

export function NewTask() {
  const { tasks } = useTasks();
  const [where, setWhere] = useState('');
  const [goal, setGoal] = useState('');
  const [agent, setAgent] = useState('');
  const [plan, setPlan] = useState('');
  const [budget, setBudget] = useState('');
  const [preview, setPreview] = useState<Preview | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef(crypto.randomUUID());
  const projects = [...new Set(tasks.map(task => task.project))].slice(0, 20);
  const order = () => ({
    ...(where.startsWith('/') ? { project: where } : { repository: where }),
    goal,
    ...(agent && { agent }),
    ...(plan.trim() && { plan }),
    ...(budget && { budget_usd: Number(budget) }),
  });
  const act = (work: () => Promise<void>) => async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const look = act(async () => setPreview(await post<Preview>('/v1/tasks/preview', order())));
  const start = act(async () => {
    const { task } = await post<{ task: TaskView }>('/v1/tasks', order(), key.current);
    put(task);
    location.hash = `#/task/${task.id}`;
  });
  const input = (set: (text: string) => void) => (event: Event) => {
    set((event.target as HTMLInputElement).value);
    setPreview(null);
    // Another order is another task.
    key.current = crypto.randomUUID();
  };
  return (
    <>
      <h1>New task</h1>
      <form class="card form" onSubmit={start}>
        <label>
          Folder on this machine, or repository
          <input
            required
            list="projects"
            placeholder="/home/me/project or https://github.com/owner/name"
            value={where}
            onInput={input(setWhere)}
          />
          <datalist id="projects">
            {projects.map(project => (
              <option key={project} value={project} />
            ))}
          </datalist>
        </label>
        <label>
          What is to be done
          <textarea required rows={5} value={goal} onInput={input(setGoal)} />
        </label>
        <div class="row">
          <label>
            Agent
            <select value={agent} onChange={input(setAgent)}>
              <option value="">as configured</option>
              {AGENT_PROGRAMS.map(name => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            Budget in dollars
            <input type="number" min="0.01" step="0.01" value={budget} onInput={input(setBudget)} />
          </label>
        </div>
        <details>
          <summary>Plan</summary>
          <label>
            Subtasks in YAML, JSON or Markdown; without one the planner makes it
            <textarea rows={6} value={plan} onInput={input(setPlan)} />
          </label>
        </details>
        <Say error={error} />
        <div class="row end">
          <button type="button" onClick={look} disabled={busy || !where || !goal}>
            Preview
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {busy ? 'Working…' : 'Start'}
          </button>
        </div>
      </form>
      {preview ? <Shown preview={preview} /> : null}
    </>
  );
}

function Shown({ preview: { plan, gates, setup, agents } }: { preview: Preview }) {
  const named = [...new Set(Object.values(agents).flatMap(agent => agent?.backend ?? []))];
  return (
    <section class="card" aria-label="Preview">
      <h2>What will run</h2>
      <p>Agent: {named.join(', ') || 'none'}</p>
      {setup ? <p>Setup: {setup.join(' ')}</p> : null}
      <h3>Plan</h3>
      {plan ? (
        <ol>
          {plan.subtasks.map(step => (
            <li key={step.id}>{step.title || step.description || step.id}</li>
          ))}
        </ol>
      ) : (
        <p class="quiet">The planner makes it first.</p>
      )}
      <h3>Gates</h3>
      {gates.length > 0 ? (
        <ul>
          {gates.map(gate => (
            <li key={gate.run.join(' ')}>
              <code>{gate.run.join(' ')}</code>
            </li>
          ))}
        </ul>
      ) : (
        <p class="quiet">There are none: nothing but the agent says that it is done.</p>
      )}
    </section>
  );
}
