/** What the tools may ask for: the command line lends it, so that a tool does what a command would. */
import type * as config from '../config/index.ts';
import type { DefinitionDraft } from '../contract/trigger.ts';
import type { Client, Result, TaskView, TriggerView } from '../index.ts';
import type { Flags, Order } from '../submit/order.ts';

export interface LogQuestion {
  task: string;
  subtask?: string | undefined;
  lines: number;
  gates: boolean;
}

/** A service and how it is kept, in words of a file of subtasks. */
export interface ServiceDraft {
  name: string;
  command: string[];
  /** Absolute. */
  folder: string;
  /** When it is ready: one of tcp, http, line, file and command. */
  ready?: Record<string, unknown> | undefined;
  port?: string | undefined;
  timeout_seconds?: number | undefined;
  restart?: string | undefined;
  env: Readonly<Record<string, string>>;
}

export interface TriggerDraft {
  /** Default: made of what it runs. */
  name?: string | undefined;
  when: DefinitionDraft['when'];
  policy: Partial<DefinitionDraft['policy']>;
  order: Order;
}

export interface Door {
  env: NodeJS.ProcessEnv;
  /** Where tasks work whose folder is not said; absolute. */
  folder: string;
  config: typeof config;
  /** Umask and limits of this process, for commands. */
  process(): NonNullable<Flags['process']>;
  /**
   * Accepts a task, durably. A supervisor is started where none answers. `given`: the variables of its environment that
   * were asked for, which are all that count in a sandbox.
   */
  submit(order: Order, given?: Readonly<Record<string, string>>): Promise<Result<'task.run'>>;
  /** Reads come from the disk where no supervisor runs; for anything else one is started. */
  call: Client['call'];
  /** Until tasks do not go on by themselves, over restarts of the supervisor. */
  wait(tasks: string[], changed: (view: TaskView) => void, signal: AbortSignal): Promise<TaskView[]>;
  /** The last lines of a log, as `rasen logs` reads. */
  logs(question: LogQuestion): Promise<string>;
  /** Until it is ready or rests, and no longer than `patience_ms`. */
  ensure(
    draft: ServiceDraft,
    how: { patience_ms: number; note(text: string): void; signal: AbortSignal },
  ): Promise<{ view: TaskView; started: boolean }>;
  createTrigger(draft: TriggerDraft): Promise<TriggerView>;
}
