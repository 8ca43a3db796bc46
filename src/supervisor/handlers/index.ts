/** Who answers which request: one line each. A method of the contract without a handler does not compile. */
import type { MethodName } from '../../contract/methods/index.ts';
import { daemonGc } from './daemon.gc.ts';
import { daemonNotify } from './daemon.notify.ts';
import { daemonStatus } from './daemon.status.ts';
import { daemonSuspend } from './daemon.suspend.ts';
import type { Handler } from './define.ts';
import { READING } from './reading.ts';
import { taskAnswer } from './task.answer.ts';
import { taskCancel } from './task.cancel.ts';
import { taskCancelMerge } from './task.cancel_merge.ts';
import { taskMerge } from './task.merge.ts';
import { taskNote } from './task.note.ts';
import { taskReplan } from './task.replan.ts';
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
import { triggerPause } from './trigger.pause.ts';
import { triggerRemove } from './trigger.remove.ts';
import { triggerResume } from './trigger.resume.ts';

export const HANDLERS: { [N in MethodName]: Handler<N> } = {
  ...READING,
  'daemon.gc': daemonGc,
  'daemon.notify': daemonNotify,
  'daemon.status': daemonStatus,
  'daemon.suspend': daemonSuspend,
  'task.answer': taskAnswer,
  'task.cancel': taskCancel,
  'task.cancel_merge': taskCancelMerge,
  'task.merge': taskMerge,
  'task.note': taskNote,
  'task.replan': taskReplan,
  'task.resume': taskResume,
  'task.retry': taskRetry,
  'task.rollback': taskRollback,
  'task.run': taskRun,
  'task.stop': taskStop,
  'task.submit': taskSubmit,
  'task.wait': taskWait,
  'trigger.create': triggerCreate,
  'trigger.deliver': triggerDeliver,
  'trigger.edit': triggerEdit,
  'trigger.fire': triggerFire,
  'trigger.pause': triggerPause,
  'trigger.remove': triggerRemove,
  'trigger.resume': triggerResume,
};
