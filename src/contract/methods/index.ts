/** The method table: every request of the control protocol, sorted by name. One line each. */
import { daemonDoctor } from './daemon.doctor.ts';
import { daemonGc } from './daemon.gc.ts';
import { daemonNotify } from './daemon.notify.ts';
import { daemonStatus } from './daemon.status.ts';
import { daemonSuspend } from './daemon.suspend.ts';
import type { AnswerOf, AskedOf, Method, ParamsOf, ResultOf } from './define.ts';
import { eventFollow } from './event.follow.ts';
import { logFollow } from './log.follow.ts';
import { taskAnswer } from './task.answer.ts';
import { taskCancel } from './task.cancel.ts';
import { taskCancelMerge } from './task.cancel_merge.ts';
import { taskGet } from './task.get.ts';
import { taskList } from './task.list.ts';
import { taskMerge } from './task.merge.ts';
import { taskNote } from './task.note.ts';
import { taskPlan } from './task.plan.ts';
import { taskReplan } from './task.replan.ts';
import { taskReport } from './task.report.ts';
import { taskResume } from './task.resume.ts';
import { taskRetry } from './task.retry.ts';
import { taskRollback } from './task.rollback.ts';
import { taskRun } from './task.run.ts';
import { taskStop } from './task.stop.ts';
import { taskSubmit } from './task.submit.ts';
import { taskWait } from './task.wait.ts';
import { triggerCreate } from './trigger.create.ts';
import { triggerDeliver } from './trigger.deliver.ts';
import { triggerEdit } from './trigger.edit.ts';
import { triggerFire } from './trigger.fire.ts';
import { triggerGet } from './trigger.get.ts';
import { triggerList } from './trigger.list.ts';
import { triggerLog } from './trigger.log.ts';
import { triggerNext } from './trigger.next.ts';
import { triggerPause } from './trigger.pause.ts';
import { triggerRemove } from './trigger.remove.ts';
import { triggerResume } from './trigger.resume.ts';

const table = [
  daemonDoctor,
  daemonGc,
  daemonNotify,
  daemonStatus,
  daemonSuspend,
  eventFollow,
  logFollow,
  taskAnswer,
  taskCancel,
  taskCancelMerge,
  taskGet,
  taskList,
  taskMerge,
  taskNote,
  taskPlan,
  taskReplan,
  taskReport,
  taskResume,
  taskRetry,
  taskRollback,
  taskRun,
  taskStop,
  taskSubmit,
  taskWait,
  triggerCreate,
  triggerDeliver,
  triggerEdit,
  triggerFire,
  triggerGet,
  triggerList,
  triggerLog,
  triggerNext,
  triggerPause,
  triggerRemove,
  triggerResume,
] as const;

export const METHODS: readonly Method[] = table as unknown as readonly Method[];

type Table = (typeof table)[number];
export type MethodName = Table['name'];
/** Parameters and results by method name, for typed clients. */
export type Params<N extends MethodName> = ParamsOf<Extract<Table, { name: N }>>;
export type Result<N extends MethodName> = ResultOf<Extract<Table, { name: N }>>;
/** The same on the side that answers. */
export type Asked<N extends MethodName> = AskedOf<Extract<Table, { name: N }>>;
export type Answer<N extends MethodName> = AnswerOf<Extract<Table, { name: N }>>;
