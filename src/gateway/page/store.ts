/** The tasks as the page knows them: asked once, then kept up to date by one stream of events. */
import { useEffect, useReducer } from 'preact/hooks';
import type { TaskView } from '../../contract/view.ts';
import { connection, get, type Listening, listen } from './api.ts';

export type { TaskView };

const tasks = new Map<string, TaskView>();
const readers = new Set<() => void>();
const stale = new Set<string>();
/** Events come in bursts; a task is asked for once after each. */
const SETTLE_MS = 150;
let timer = 0;
let listening: Listening | null = null;
let loaded = false;

const changed = () => {
  for (const reader of readers) reader();
};
connection.changed = changed;

export async function start(): Promise<void> {
  if (listening) return;
  listening = listen('/v1/events', (name, data) => {
    if (name === 'hello') void load();
    if (name === 'event') refresh((data as { task: string }).task);
  });
}

export function stop(): void {
  listening?.close();
  listening = null;
  tasks.clear();
  loaded = false;
}

async function load(): Promise<void> {
  for (const view of await get<TaskView[]>('/v1/tasks?limit=200')) tasks.set(view.id, view);
  loaded = true;
  changed();
}

export function put(view: TaskView): void {
  tasks.set(view.id, view);
  changed();
}

export function refresh(id: string): void {
  stale.add(id);
  window.clearTimeout(timer);
  timer = window.setTimeout(async () => {
    const ids = [...stale];
    stale.clear();
    for (const task of ids) {
      const view = await get<TaskView>(`/v1/tasks/${task}`).catch(() => null);
      if (view) tasks.set(task, view);
    }
    changed();
  }, SETTLE_MS);
}

/** Draws again when something changed. */
export function useTasks(): { tasks: TaskView[]; loaded: boolean; lost: boolean } {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const reader = () => draw(undefined);
    readers.add(reader);
    return () => readers.delete(reader);
  }, []);
  const all = [...tasks.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  return { tasks: all, loaded, lost: connection.lost };
}
