/**
 * What is masked of each task, held in memory alone. Values are learned as programs are given them; after a restart they
 * are looked up again when something of the task is shown, since what its programs printed is still there.
 */
import { isRasenError, messageOf } from '../contract/errors.ts';
import type { TaskState } from '../engine/state.ts';
import { environmentsOf } from '../host/process-environment.ts';
import type { Log } from '../log.ts';
import { isMaskable, Mask } from '../secrets/mask.ts';
import { type NamedValue, ofWebhook, secretLooking } from '../secrets/masked-values.ts';
import type { SecretPlaces } from '../secrets/places.ts';
import { resolveWhatIsThere } from '../secrets/resolve.ts';
import { SecretsEnv } from '../secrets/secrets-env.ts';
import type { LocalStore } from '../store/store.ts';
import { capturedEnv } from './effects/context.ts';
import { userEnv } from './effects/user-env.ts';

/** Tasks whose values are held; those of one that was not asked for longest are looked up again. */
const TASKS_MAX = 500;
/** Values of one secret: a changed one stays masked, since older output has it. */
const VALUES_MAX = 8;
/** A secret that cannot be looked up is asked for again after this. */
const AGAIN_MS = 60_000;

interface Known {
  values: Map<string, readonly string[]>;
  /** Of the captured environment, the order and its plan. */
  given: readonly NamedValue[];
  /** When secrets that were not learned were looked up; null: not yet. */
  asked_ms: number | null;
  asking: Promise<void> | null;
  missing: readonly string[];
  mask: Mask | null;
  /** The values of secrets.env that are in `mask`. */
  of: ReadonlyMap<string, string> | null;
}

export interface MasksOptions {
  store: LocalStore;
  secrets: SecretPlaces;
  log: Log;
  /** Of the supervisor: it has what its starter had, and a program of the same user can read it there. */
  env: NodeJS.ProcessEnv;
}

export class Masks {
  readonly #options: MasksOptions;
  readonly #own: readonly NamedValue[];
  readonly #tasks = new Map<string, Known>();
  readonly #secrets_env: SecretsEnv;

  constructor(options: MasksOptions) {
    this.#options = options;
    this.#own = secretLooking(options.env);
    this.#secrets_env = new SecretsEnv(options.secrets.secrets_env);
  }

  /** A program of the task is given these. */
  learn(state: TaskState, values: Readonly<Record<string, string>>): void {
    const known = this.#known(state);
    for (const [name, value] of Object.entries(values)) {
      if (add(known, name, value) && !isMaskable(value))
        this.#options.log.warn(
          { task: state.id, secret: name },
          `task ${state.id}: the value of ${name} is too short or too common to be masked in what is shown`,
        );
    }
    // What none of its programs was given yet, none can have printed.
    if (known.asked_ms === null && isNew(state)) known.asked_ms = Date.now();
  }

  /** Its captured environment was changed. */
  recaptured(state: TaskState): void {
    const known = this.#tasks.get(state.id);
    if (!known) return;
    known.given = given(this.#options, state);
    known.mask = null;
  }

  /**
   * A job of an earlier supervisor lives: it has the values of its start, which may be others by now. Where the system
   * does not tell, only the present ones are known.
   */
  adopt(state: TaskState, pid: number): void {
    const names = Object.keys(state.spec.secrets);
    if (names.length === 0) return;
    const known = this.#known(state);
    for (const env of environmentsOf(pid))
      for (const name of names) if (env[name] !== undefined) add(known, name, env[name]);
  }

  /** With every value that can be known; looks secrets up that an earlier supervisor gave to programs of the task. */
  async of(state: TaskState): Promise<Mask> {
    await this.#ask(state, this.#known(state));
    await this.#readSecretsEnv();
    return this.now(state);
  }

  /** With what is known at once. */
  now(state: TaskState): Mask {
    const known = this.#known(state);
    const { values } = this.#secrets_env;
    if (known.mask === null || known.of !== values) {
      const learned = [...known.values].flatMap(([name, all]) => all.map(value => [name, value] as const));
      known.mask = new Mask([...learned, ...values, ...known.given, ...this.#own]);
      known.of = values;
    }
    return known.mask;
  }

  #known(state: TaskState): Known {
    const found = this.#tasks.get(state.id);
    // The last one is the newest.
    this.#tasks.delete(state.id);
    const known = found ?? {
      values: new Map(),
      given: given(this.#options, state),
      asked_ms: null,
      asking: null,
      missing: [],
      mask: null,
      of: null,
    };
    this.#tasks.set(state.id, known);
    if (this.#tasks.size > TASKS_MAX) this.#tasks.delete(this.#tasks.keys().next().value!);
    return known;
  }

  async #ask(state: TaskState, known: Known): Promise<void> {
    const { asked_ms } = known;
    if (asked_ms !== null && (known.missing.length === 0 || Date.now() - asked_ms < AGAIN_MS)) return;
    known.asking ??= this.#lookUp(state, known).finally(() => {
      known.asking = null;
    });
    await known.asking;
  }

  async #lookUp(state: TaskState, known: Known): Promise<void> {
    const { store, secrets, log } = this.#options;
    const env = { ...userEnv(), ...capturedEnv({ store }, state), ...state.spec.env };
    const world = { places: secrets, env, platform: process.platform };
    const { values, missing } = await resolveWhatIsThere(state.spec.secrets, world);
    for (const [name, value] of Object.entries(values)) add(known, name, value);
    const first = known.asked_ms === null;
    known.asked_ms = Date.now();
    known.missing = missing;
    if (first && missing.length > 0)
      log.warn(
        { task: state.id, secrets: missing },
        `task ${state.id}: ${missing.join(', ')} cannot be looked up now, and is not masked in what is shown of older output`,
      );
  }

  async #readSecretsEnv(): Promise<void> {
    try {
      await this.#secrets_env.read();
    } catch (error) {
      // What was read before is masked on.
      this.#options.log.warn({ error }, `secrets.env cannot be looked at: ${messageOf(error)}`);
    }
  }
}

/** No attempt of it was begun by an earlier supervisor: the first ones are being made. */
function isNew({ epoch, steps }: TaskState): boolean {
  return epoch <= 1 && steps.every(({ history, attempts }) => history.length === 0 && attempts <= 1);
}

/** Whether it is new. */
function add(known: Known, name: string, value: string): boolean {
  const before = known.values.get(name) ?? [];
  if (before.includes(value)) return false;
  known.values.set(name, [value, ...before].slice(0, VALUES_MAX));
  known.mask = null;
  return true;
}

/** Of variables that were captured again: what was printed before shows the values before. */
function formerEnvs({ store }: Pick<MasksOptions, 'store'>, state: TaskState): Record<string, string>[] {
  try {
    const { before } = store.captured(state.id);
    return Object.entries(before).flatMap(([name, values]) => values.map(value => ({ [name]: value })));
  } catch (error) {
    if (isRasenError(error) && error.kind === 'damaged') return [];
    throw error;
  }
}

function given({ store }: MasksOptions, state: TaskState): NamedValue[] {
  const { spec, plan } = state;
  const envs = [
    capturedEnv({ store }, state),
    ...formerEnvs({ store }, state),
    spec.env,
    ...(plan?.subtasks ?? []).map(({ env }) => env),
  ];
  return [...envs.flatMap(secretLooking), ...ofWebhook(spec.notify?.webhook)];
}
