/** Who asked for something: kept with the events that came of the request. Pure. */

/** What is not known or does not apply is left out. */
export interface Origin {
  /** Program that asked, as it said itself; `socket`: it said nothing. */
  via: string;
  pid?: number;
  /** Its terminal, as `pts/3`. */
  tty?: string;
  /** Login name, or `uid 1001`. */
  user?: string;
  /** It is a process of this task. */
  task?: string;
  /** And of this attempt, as `auth-4/2`: it came by the door of its sandbox, which is nobody else's. */
  attempt?: string;
  /** It is no process of a task that is known, but one that rasen has started all the same. */
  inside?: true;
}

/** `by ann on pts/3 (pid 4711)`, `from inside task 01k… (pid 4711)`; empty for older journals, which do not know. */
export function originText(origin: Origin | undefined): string {
  if (!origin) return '';
  const pid = origin.pid === undefined ? '' : ` (pid ${origin.pid})`;
  const attempt = origin.attempt === undefined ? '' : `, attempt ${origin.attempt},`;
  if (origin.task !== undefined) return `from inside task ${origin.task}${attempt}${pid}`;
  if (origin.inside) return `from a program that rasen has started${pid}`;
  const tty = origin.tty === undefined ? '' : ` on ${origin.tty}`;
  const via = origin.via === 'rasen' ? '' : ` by way of ${origin.via}`;
  return `by ${origin.user ?? 'the user'}${tty}${pid}${via}`;
}

/** It comes from a process of an attempt, so no person decided it. */
export function isInside(origin: Origin): boolean {
  return origin.task !== undefined || origin.inside === true;
}
