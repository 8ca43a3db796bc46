/**
 * The draft of one simulated life: what the user asked for, how programs behave, what users do and what the machine goes
 * through. All of it follows from the seed; how a job behaves from its name, so that a crash does not change it.
 */

import type { Claim } from '../../src/contract/event.ts';
import { type Plan, plan as planSchema, type Subtask } from '../../src/contract/plan.ts';
import { type TaskSpec, taskSpec } from '../../src/contract/spec.ts';
import type { Trouble } from '../../src/engine/effect.ts';
import type { Turn } from '../../src/engine/turn.ts';
import { claimOf } from '../support/task-builder.ts';
import { Rng } from './simulation-random.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export type WorkKind =
  | 'ok'
  | 'failed'
  | 'hang'
  | 'silent'
  | 'flood'
  | 'oom'
  | 'killed'
  | 'asked'
  | 'session_lost'
  | 'limit'
  | 'overloaded'
  | 'network'
  | 'auth'
  | 'context'
  | 'budget'
  | 'startup'
  | 'lost'
  | 'no_change'
  | 'diff_hit'
  | 'unmerged'
  | 'rewritten'
  | 'bad_result'
  | 'loop'
  | 'through';
export type GateKind =
  | 'pass'
  | 'fail'
  | 'hang'
  | 'lost'
  | 'startup'
  | 'flood'
  | 'oom'
  | 'killed'
  | 'mute'
  | 'crash'
  | 'through'
  | 'unable';

/** How a job behaves from the moment it starts. */
export interface Behaviour {
  kind: WorkKind | GateKind;
  duration_ms: number;
  /** SIGTERM is not enough. */
  ignores_term: boolean;
  /** A process of it outlives its end. */
  leftovers: boolean;
  claim: Claim | null;
  /** Of a session: tokens that it uses in a minute, and dollars where its program says so. */
  tokens_per_minute: number;
  is_priced: boolean;
  /** It is silent while a tool runs. */
  in_tool: boolean;
}

export type WishKind =
  | 'stop'
  | 'stop_force'
  | 'resume'
  | 'cancel'
  | 'retry'
  | 'rollback'
  | 'replan'
  | 'note'
  | 'answer'
  | 'merge';
export interface Wish {
  kind: WishKind;
  /** When the journal is as long as this. */
  seq: number;
}

export interface Window {
  from: number;
  to: number;
}

export interface Draft {
  seed: number;
  spec: TaskSpec;
  wishes: Wish[];
  weather: {
    disk_low: Window[];
    disk_full: Window[];
    /** Nothing can be done with git or the disk: every effect meets trouble of the machine. */
    broken: (Window & Pick<Trouble, 'why'>)[];
    no_slots: Window[];
    /** Other tasks come first: until something begins, or whenever it takes a place anew. */
    others_first: (Window & Pick<Turn, 'why' | 'lost'>)[];
    jumps: { at: number; ms: number }[];
    sleeps: { at: number; ms: number }[];
    drains: number[];
    /** Tokens that other tasks use in an hour of the day. */
    others_per_hour: number;
  };
  crash: { chance: number; max: number; reboot: number };
  /** Jobs that may live at once, over all tasks. */
  max_jobs: number;
  /** Steps that end the same way until a person looks at it; and a gate. */
  curses: { step: string; kind: WorkKind }[];
  gate_curse: { name: string; times: number } | null;
  /** Share of jobs that go wrong. */
  trouble: number;
  /** Effects that cannot be done: chance of each. */
  fault: number;
  /** Its agent can be spoken with, and goes on with its sessions; how often that does not work. */
  talks: boolean;
  resumes: boolean;
  session_loss: number;
  /** When a person ends it for good, should it still be there; null: never. */
  over_at: number | null;
  /** How often a person resumes what waits for one, before giving up. */
  patience: number;
}

const NOTHING = claimOf();
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export function draftOf(seed: number): Draft {
  const rng = new Rng(seed);
  const spender = new Rng(`budgets ${seed}`);
  const sleeper = new Rng(`sleep ${seed}`);
  const git = rng.chance(0.6);
  const planned = rng.chance(0.8);
  // Of its own, so that the lives of all seeds stay what they were.
  const claims = new Rng(`claims ${seed}`);
  const made = makePlan(rng, 1, planned ? 'file' : 'planner');
  const plan = {
    ...made,
    subtasks: made.subtasks.map(s => ({ ...s, claimed_completed: planned && claims.chance(0.1) })),
  };
  const keeper = new Rng(`kept ${seed}`);
  const kept = keeper.chance(0.3);
  const served = kept && git && keeper.chance(0.5);
  const project = rng.chance(0.6) ? [{ name: 'test', run: ['test'], timeout_seconds: 120 }] : [];
  if (project.length > 0 && rng.chance(0.3))
    project.push({ name: 'lint', run: ['lint'], timeout_seconds: 60 });
  const judge = (p: number) => ({
    enabled: rng.chance(p),
    per_subtask: rng.chance(0.3),
    max_loops: rng.int(1, 4),
    recurring_issue_threshold: rng.int(1, 3),
  });
  const timeout = rng.pick([null, 300, 1800]);
  const spending = budgets(spender);
  const spec = taskSpec.parse({
    version: 1,
    id: Array.from({ length: 26 }, () => rng.pick([...ALPHABET])).join(''),
    name: `life ${seed}`,
    goal: 'live',
    project: '/simulated',
    workspace: git ? { kind: 'git', slug: 'life' } : { kind: 'folder' },
    plan: planned ? (kept ? withServices(keeper, plan) : plan) : null,
    ...(served ? { services: servicesOf(keeper, 'p', 2) } : {}),
    gates: project,
    baseline: rng.pick(['require', 'allow']),
    base_tests: new Rng(`base_tests ${seed}`).chance(0.3),
    base_config: new Rng(`base_config ${seed}`).chance(0.7),
    mutation_check: new Rng(`mutation ${seed}`).chance(0.7),
    setup: rng.chance(0.3) ? ['setup'] : null,
    limits: {
      max_iterations: rng.chance(0.2) ? rng.int(1, 6) : rng.int(8, 40),
      max_runtime_seconds: rng.chance(0.02) ? 0 : rng.pick([null, 14_400, 14_400, 600]),
      session_delay_seconds: rng.int(0, 5),
      session_timeout_seconds: timeout,
      idle_timeout_seconds: timeout === null ? 120 : rng.pick([null, 60, 300]),
      attempts: rng.int(1, 5),
      parallel: rng.pick([1, 1, 2, 3, 4]),
      max_no_commit_sessions: rng.int(1, 3),
      max_consecutive_failures: rng.int(2, 5),
      ...policyOf(new Rng(`policy ${seed}`)),
      ...spending,
      // Others may use up each day before its quiet hours are over: then nothing would ever begin.
      ...(isOfDay(spending) ? { quiet_hours: [] } : {}),
    },
    agents: { coder: { backend: 'claude', command: ['claude'] } },
    ...relayOf(new Rng(`relay ${seed}`)),
    time_zone: 'Europe/Berlin',
    notify: new Rng(`notify ${seed}`).pick([
      null,
      { desktop: true },
      { desktop: true, on: ['completed', 'blocked'] },
    ]),
    review: judge(0.3),
    qa: judge(0.3),
    memory: {},
    auto_resume: rng.chance(0.85),
  });
  const kinds: WishKind[] = [
    'stop',
    'stop',
    'stop_force',
    'resume',
    'retry',
    'rollback',
    'replan',
    'cancel',
    'merge',
  ];
  const wishes = Array.from({ length: rng.pick([0, 0, 0, 1, 2, 3, 5]) }, () => ({
    kind: rng.pick(kinds),
    seq: rng.int(2, 120),
  }));
  if (rng.chance(0.4))
    for (let n = rng.int(1, 4); n > 0; n--) wishes.push({ kind: 'note', seq: rng.int(2, 120) });
  if (git && rng.chance(0.4)) wishes.push({ kind: 'merge', seq: 1_000_000 });
  const windows = (p: number, length: number): Window[] =>
    Array.from({ length: rng.chance(p) ? rng.int(1, 3) : 0 }, () => {
      const from = rng.int(0, 20 * MINUTE);
      return { from, to: from + rng.int(1000, length) };
    });
  const steps = plan.subtasks.map(s => s.id);
  const cursed: WorkKind[] = [
    'failed',
    'hang',
    'silent',
    'asked',
    'limit',
    'network',
    'overloaded',
    'context',
    'lost',
    'no_change',
    'auth',
    'budget',
  ];
  return {
    seed,
    spec,
    wishes: wishes.sort((a, b) => a.seq - b.seq),
    weather: {
      disk_low: windows(0.2, 40 * MINUTE),
      disk_full: windows(0.15, 10_000),
      broken: brokenOf(new Rng(`broken ${seed}`)),
      no_slots: windows(0.2, 10 * MINUTE),
      others_first: othersOf(new Rng(`others ${seed}`)),
      jumps: Array.from({ length: rng.chance(0.2) ? rng.int(1, 3) : 0 }, () => ({
        at: rng.int(0, 20 * MINUTE),
        // A day, an hour of summer time, a clock that was a little off.
        ms: rng.pick([-24, -1, -0.1, 0.05, 1, 9, 24]) * HOUR,
      })),
      sleeps: Array.from({ length: sleeper.chance(0.15) ? sleeper.int(1, 3) : 0 }, () => ({
        at: sleeper.int(0, 20 * MINUTE),
        ms: sleeper.pick([0.01, 0.5, 8, 30]) * HOUR,
      })),
      others_per_hour: spender.pick([0, 0, 100, 3000]),
      drains: Array.from({ length: rng.chance(0.2) ? 3 : 0 }, () => rng.int(0, 20 * MINUTE)),
    },
    crash: { chance: rng.pick([1, 1, 0.3, 0.05, 0]), max: 40, reboot: rng.pick([0, 0, 0.1, 0.5]) },
    max_jobs: rng.pick([1, 2, 8]),
    curses: rng.chance(0.25)
      ? [{ step: rng.pick([...steps, '_plan', '_setup', '_fix']), kind: rng.pick(cursed) }]
      : [],
    gate_curse: rng.chance(0.25)
      ? { name: rng.pick(['test', 'review', 'qa', 'own']), times: rng.pick([1, 2, 3, 99]) }
      : null,
    trouble: rng.pick([0, 0.1, 0.3, 0.6]),
    fault: rng.pick([0, 0, 0.02, 0.1]),
    talks: rng.chance(0.6),
    resumes: rng.chance(0.7),
    session_loss: rng.pick([0, 0.3, 1]),
    patience: rng.int(0, 4),
    over_at: kept ? new Rng(`over ${seed}`).int(30 * MINUTE, 3 * HOUR) : null,
  };
}

/** For moments or for half an hour, in three of ten lives. */
function brokenOf(rng: Rng): Draft['weather']['broken'] {
  return Array.from({ length: rng.chance(0.3) ? rng.int(1, 4) : 0 }, () => {
    const from = rng.int(0, 20 * MINUTE);
    const to = from + rng.pick([rng.int(100, 10_000), rng.int(1000, 30 * MINUTE)]);
    return { from, to, why: rng.pick(['disk', 'lock', 'machine', 'service_manager']) };
  });
}

/** In three of ten lives: tasks before this one, of which one may fail and be done again; and those of its group. */
function othersOf(rng: Rng): Draft['weather']['others_first'] {
  const until = rng.int(1000, 30 * MINUTE);
  const after = { why: 'after' as const, from: 0, to: until, lost: false };
  const failed = { ...after, from: until, to: until + rng.int(1000, 10 * MINUTE), lost: true };
  const group = Array.from({ length: rng.int(1, 3) }, () => {
    const from = rng.int(0, 20 * MINUTE);
    return { why: 'group' as const, from, to: from + rng.int(1000, 30 * MINUTE), lost: false };
  });
  return rng.chance(0.3) ? rng.pick([[after], [after, failed], group, [after, ...group]]) : [];
}

/** Agents that take over, in some lives. */
function relayOf(rng: Rng): Pick<Draft['spec'], 'relay'> | object {
  if (!rng.chance(0.4)) return {};
  const others = ['codex', 'gemini', 'claude'] as const;
  const agents = others.slice(0, rng.int(1, 3)).map(backend => ({ backend, command: [backend] }));
  return { relay: { agents, after_seconds: rng.pick([0, 900, 3600]) } };
}

/** Whether limits are waited for and when sessions may begin; the lives begin at 09:00 by the clock of their user. */
function policyOf(rng: Rng) {
  return {
    wait: rng.chance(0.8),
    max_waits: rng.pick([1, 2, 6, 6]),
    max_wait_seconds: rng.pick([600, 3600, 26 * 3600, 26 * 3600]),
    login_retry_seconds: rng.pick([600, 600, 3600, null]),
    quiet_hours: rng.pick([[], [], [], ['09:05-09:20'], ['08:00-18:00'], ['22:00-07:30', '12:00-13:00']]),
  };
}

const NO_BUDGETS = {
  tokens: null,
  usd: null,
  subtask_tokens: null,
  subtask_usd: null,
  attempt_tokens: null,
  attempt_usd: null,
  tokens_per_day: null,
  usd_per_day: null,
};

const isOfDay = ({ tokens_per_day, usd_per_day }: typeof NO_BUDGETS | ReturnType<typeof budgets>) =>
  tokens_per_day !== null || usd_per_day !== null;

/** Mostly none; else small ones, since a session uses some thousand tokens. */
function budgets(rng: Rng): Record<keyof typeof NO_BUDGETS, number | null> {
  if (!rng.chance(0.4)) return NO_BUDGETS;
  const some = (low: number, high: number) => (rng.chance(0.4) ? rng.int(low, high) : null);
  const cents = (low: number, high: number) => (rng.chance(0.2) ? rng.int(low, high) / 100 : null);
  return {
    tokens: some(1000, 60_000),
    usd: cents(100, 6000),
    subtask_tokens: some(1000, 20_000),
    subtask_usd: cents(100, 2000),
    attempt_tokens: some(500, 10_000),
    attempt_usd: cents(50, 1000),
    tokens_per_day: some(5000, 60_000),
    usd_per_day: cents(500, 6000),
  };
}

/** A person replans while one subtask waits for the network and another waits for a person. */
export function replannedWhileWaiting(seed: number): Draft {
  const draft = draftOf(seed);
  const subtasks = ['s0', 's1'].map(id => ({ id, do: { agent: 'coder' } }));
  const plan = planSchema.parse({ version: 1, task: 'life', goal: 'live', source: 'file', rev: 1, subtasks });
  const limits = {
    ...draft.spec.limits,
    max_iterations: 40,
    max_runtime_seconds: null,
    parallel: 1,
    max_consecutive_failures: 5,
    ...NO_BUDGETS,
  };
  const workspace = { kind: 'folder' as const };
  return {
    ...draft,
    spec: { ...draft.spec, plan, limits, workspace, gates: [], setup: null, auto_resume: true },
    curses: [
      { step: 's0', kind: 'auth' },
      { step: 's1', kind: 'network' },
    ],
    wishes: Array.from({ length: 4 }, () => ({ kind: 'replan' as const, seq: 20 })),
    weather: {
      disk_low: [],
      disk_full: [],
      broken: [],
      no_slots: [],
      others_first: [],
      jumps: [],
      sleeps: [],
      drains: [],
      others_per_hour: 0,
    },
    fault: 0,
  };
}

/** A person cancels before anything has started, since there is no room; and while the task waits for the network. */
export function cancelledEarly(seed: number): Draft {
  const draft = replannedWhileWaiting(seed);
  const isPending = seed % 2 === 0;
  const no_slots = isPending ? [{ from: 0, to: HOUR }] : [];
  return {
    ...draft,
    weather: { ...draft.weather, no_slots },
    wishes: [{ kind: 'cancel', seq: isPending ? 3 : 20 }],
  };
}

/** The machine is in trouble from the beginning; a person cancels, or stops and goes on. */
export function cancelledInTrouble(seed: number): Draft {
  const draft = replannedWhileWaiting(seed);
  const broken = [{ from: 0, to: HOUR, why: 'machine' as const }];
  const wish = (kind: WishKind, seq: number) => ({ kind, seq });
  const wishes = seed % 2 === 0 ? [wish('stop', 7), wish('resume', 9)] : [wish('cancel', 7)];
  return { ...draft, weather: { ...draft.weather, broken }, wishes };
}

/** The first session uses up what the day has left; the task waits for the next one, and a person cancels or goes on. */
export function dryForTheDay(seed: number): Draft {
  const draft = replannedWhileWaiting(seed);
  const limits = {
    ...draft.spec.limits,
    quiet_hours: [],
    // By tokens or, where those are not limited, by what they cost.
    ...(seed % 4 === 1 ? { tokens_per_day: null, usd_per_day: 5 } : { tokens_per_day: 60_000 }),
    tokens: seed % 2 === 0 ? null : 30_000,
  };
  return {
    ...draft,
    spec: { ...draft.spec, limits },
    curses: [{ step: 's0', kind: 'ok' }],
    weather: { ...draft.weather, others_per_hour: seed % 4 === 0 ? 8000 : 7000 },
    wishes: seed % 4 === 0 ? [{ kind: 'cancel', seq: 4 }] : [],
  };
}

const servicesOf = (rng: Rng, name: string, most: number) =>
  Array.from({ length: rng.int(1, most) }, (_, i) => ({
    id: `${name}${i}`,
    do: { keep: [`${name}${i}`] },
    needs: i > 0 && rng.chance(0.5) ? [`${name}0`] : [],
    on_fail: rng.pick(['stop', 'continue']),
    service: {
      ...(rng.chance(0.5) ? { health: { every_seconds: 30 } } : {}),
      restart: rng.pick(['always', 'on-failure', 'on-failure', 'never']),
      max_restarts: rng.int(0, 3),
      port: 3000 + i,
    },
  }));

/** Services that some of its subtasks need, other things to wait for, and what runs at the end; or services alone. */
function withServices(rng: Rng, plan: Plan): Plan {
  const services = servicesOf(rng, 'k', 3);
  const alone = rng.chance(0.15);
  const subtasks = alone
    ? []
    : plan.subtasks.map(s => {
        const used = services.filter(() => rng.chance(0.4)).map(({ id }) => id);
        const of = (id: string) =>
          id.startsWith('k') ? ['ready', 'started'] : ['done', 'started', 'failed'];
        const needs = [...s.needs, ...used];
        const states = needs.filter(() => rng.chance(0.3)).map(id => [id, rng.pick(of(id))]);
        return { ...s, needs, ...(states.length > 0 ? { need_states: Object.fromEntries(states) } : {}) };
      });
  const others = [...services, ...subtasks].map(({ id }) => id);
  const last = Array.from({ length: rng.int(0, 2) }, (_, i) => {
    const needs = rng.chance(0.3) ? [rng.pick(others)] : [];
    const states = needs.map(id => [id, rng.pick(['started', 'failed'])]);
    return {
      id: `z${i}`,
      do: { run: [`z${i}`] },
      finally: true,
      needs,
      need_states: Object.fromEntries(states),
    };
  });
  return planSchema.parse({ ...plan, subtasks: [...last, ...services, ...subtasks] });
}

/** 1 to 12 subtasks; needs go to earlier ones, whose ids are in no order. */
export function makePlan(rng: Rng, rev: number, source: Plan['source']): Plan {
  const count = rng.chance(0.5) ? rng.int(1, 3) : rng.int(1, 12);
  const agents = rng.pick([0, 0.5, 1]);
  const subtasks = Array.from({ length: count }, (_, i) => ({
    id: `s${i}`,
    do: rng.chance(agents) ? { agent: 'coder' } : { run: [`command-${i}`] },
    needs: Array.from({ length: i }, (_unused, j) => `s${j}`).filter(() => rng.chance(0.25)),
    gates: rng.chance(0.2) ? [{ name: 'own', run: [`own-${i}`], timeout_seconds: 90 }] : [],
    attempts: rng.chance(0.4) ? rng.int(1, 4) : null,
    on_fail: rng.pick(['stop', 'continue']),
    on_lost: rng.chance(0.2) ? 'fail' : 'rerun',
    allow_empty: rng.chance(0.2),
  })) as unknown as Subtask[];
  if (rng.chance(0.3)) subtasks.reverse();
  return planSchema.parse({ version: 1, task: 'life', goal: 'live', source, rev, subtasks });
}

const WRONG_AGENT: Partial<Record<WorkKind, number>> = {
  failed: 8,
  hang: 3,
  silent: 3,
  flood: 2,
  asked: 3,
  limit: 3,
  overloaded: 3,
  network: 3,
  auth: 1,
  context: 3,
  budget: 3,
  startup: 1,
  lost: 3,
  oom: 2,
  killed: 1,
  no_change: 5,
  diff_hit: 2,
  unmerged: 1,
  rewritten: 1,
  bad_result: 2,
  loop: 3,
  through: 3,
};
const WRONG_COMMAND: Partial<Record<WorkKind, number>> = {
  failed: 8,
  hang: 2,
  silent: 2,
  flood: 1,
  startup: 1,
  lost: 3,
  oom: 1,
  killed: 1,
};
const CLAIMS: Partial<Record<WorkKind, Claim['status']>> = {
  asked: 'blocked',
  session_lost: 'session_lost',
  limit: 'limit',
  overloaded: 'overloaded',
  network: 'network',
  auth: 'auth',
  context: 'context',
  budget: 'budget',
};

/** `healed`: a person has seen to it, and everything goes well from now on. */
export function workBehaviour(
  draft: Draft,
  work: {
    job: string;
    step: string;
    agent: boolean;
    service: boolean;
    resumes: boolean;
    healed: boolean;
    now_ms: number;
  },
): Behaviour {
  const rng = new Rng(`${draft.seed} ${work.job}`);
  let kind: WorkKind = rng.chance(draft.trouble)
    ? rng.weighted(work.agent ? WRONG_AGENT : WRONG_COMMAND)
    : 'ok';
  const curse = draft.curses.find(c => c.step === work.step);
  if (curse && (work.agent || curse.kind in WRONG_COMMAND)) kind = curse.kind;
  if (work.resumes && rng.chance(draft.session_loss)) kind = 'session_lost';
  // A service stays up: what ends well is one that does not.
  if (work.service) kind = rng.chance(draft.trouble / 2) ? rng.weighted({ ...WRONG_COMMAND, ok: 3 }) : 'hang';
  if (work.healed) kind = work.service ? 'hang' : 'ok';
  const status = CLAIMS[kind];
  const retry_at = rng.pick([null, null, -HOUR, 20 * MINUTE, 3 * HOUR, 4000 * HOUR]);
  return {
    kind,
    duration_ms: rng.chance(0.3) ? rng.int(1, 100) : rng.int(1000, 10 * MINUTE),
    ignores_term: rng.chance(0.2),
    leftovers: rng.chance(0.2),
    claim: work.agent
      ? {
          ...NOTHING,
          status: status ?? 'done',
          summary: kind,
          retry_at: status && retry_at !== null ? new Date(work.now_ms + retry_at).toISOString() : null,
        }
      : null,
    ...spendingOf(rng, work.agent),
  };
}

function spendingOf(rng: Rng, session: boolean) {
  return {
    tokens_per_minute: session ? rng.pick([0, 10, 300, 3000]) : 0,
    is_priced: rng.chance(0.5),
    in_tool: session && rng.chance(0.3),
  };
}

/** `times`: how often this gate has been run before. */
/** Why a judge may not come to judge. */
const UNABLE = ['limit', 'overloaded', 'network', 'auth', 'startup', 'budget'] as const;

export function gateBehaviour(
  draft: Draft,
  gate: { job: string; name: string; judge: boolean; healed: boolean; times: number },
): Behaviour {
  const rng = new Rng(`${draft.seed} ${gate.job}`);
  let kind: GateKind = 'pass';
  if (rng.chance(draft.trouble / 2)) {
    kind = rng.weighted<GateKind>({
      fail: 6,
      hang: 1,
      lost: 2,
      startup: 1,
      flood: 1,
      oom: 1,
      killed: 1,
      ...(gate.judge ? { mute: 1, crash: 1, through: 2 } : {}),
    });
  }
  if (gate.judge && rng.chance(draft.trouble)) kind = 'unable';
  if (draft.gate_curse?.name === gate.name && gate.times < draft.gate_curse.times) kind = 'fail';
  if (gate.healed) kind = 'pass';
  // Without the change most gates fail, as they should.
  if (
    gate.name.startsWith('mutation:') &&
    !gate.name.endsWith(':setup') &&
    kind === 'pass' &&
    rng.chance(0.6)
  )
    kind = 'fail';
  const verdict = kind === 'mute' ? null : kind === 'fail' ? 'changes_requested' : 'approved';
  return {
    kind,
    duration_ms: rng.int(10, MINUTE),
    ignores_term: rng.chance(0.2),
    leftovers: rng.chance(0.1),
    claim: gate.judge
      ? {
          ...NOTHING,
          ...(kind === 'unable' ? { status: rng.pick(UNABLE) } : {}),
          verdict: kind === 'unable' ? null : verdict,
          issues: kind === 'fail' ? [rng.pick(['No tests.', 'no  tests.', 'A bug.'])] : [],
        }
      : null,
    ...spendingOf(rng, gate.judge),
  };
}
