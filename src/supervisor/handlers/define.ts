/** What a handler is, and what it may use of a supervisor. */
import { type ErrorKind, RasenError } from '../../contract/errors.ts';
import type { Answer, Asked, MethodName } from '../../contract/methods/index.ts';
import type { Origin } from '../../contract/origin.ts';
import type { Refusal } from '../../engine/state.ts';
import type { FarFiles } from '../../host/far-files.ts';
import type { Paths } from '../../paths.ts';
import type { RequestContext } from '../../rpc/server.ts';
import type { LocalStore } from '../../store/store.ts';
import type { OpenCage } from '../cage.ts';
import type { Ask, Commands } from '../commands.ts';
import type { Notes } from '../notes.ts';
import type { Places } from '../places.ts';
import type { ProjectLocks } from '../project-locks.ts';
import type { Reader } from '../reader.ts';
import type { Registry } from '../registry.ts';
import type { SandboxLook } from '../sandbox.ts';
import type { Settings } from '../settings.ts';
import type { Suspension } from '../suspension.ts';
import type { TriggerReader } from '../triggers/reader.ts';
import type { Triggers } from '../triggers/triggers.ts';
import type { Upkeep } from '../upkeep.ts';

/** What requests need that only read; it is there without a supervisor, too. */
export interface Reading {
  reader: Reader;
  registry: Registry;
  trigger_reader: TriggerReader;
  doctor(): Promise<Answer<'daemon.doctor'>>;
}

export interface Serving extends Reading {
  paths: Paths;
  settings: Settings;
  cage: OpenCage;
  sandbox: SandboxLook;
  started_at: string;
  store: LocalStore;
  places: Places;
  far: FarFiles;
  upkeep: Upkeep;
  commands: Commands;
  notes: Notes;
  projects: ProjectLocks;
  suspension: Suspension;
  triggers: Triggers;
  /** Raised when the supervisor ends. */
  closing: AbortSignal;
  /** Throws `shutting_down` for what would start something that nobody looks after. */
  assertStays(): void;
  /** The files of the projects of these tasks say what the answer says. Bounded in time. */
  flushViews(tasks: readonly string[]): Promise<void>;
}

export interface AskContext extends RequestContext {
  /** Known for all but a `reader`. */
  readonly origin: Origin;
}

export type Handler<N extends MethodName, S = Serving> = (
  params: Asked<N>,
  supervisor: S,
  context: AskContext,
) => Promise<Answer<N>> | Answer<N>;

export const askOf = ({ op }: { op?: string | undefined }, { origin }: AskContext): Ask => ({ op, origin });

/** Answers with the error that the request of this `op` was refused with, if it was. */
export function throwRefused(refused: Refusal | null | undefined, op: string): void {
  if (refused?.op !== op) return;
  throw new RasenError(refused.kind as ErrorKind, refused.message, {
    ...(refused.hint ? { hint: refused.hint } : {}),
    data: refused.data,
  });
}
