/** The handlers of requests that only read, which are answered also where no supervisor runs. One line each. */
import { daemonDoctor } from './daemon.doctor.ts';
import { eventFollow } from './event.follow.ts';
import { logFollow } from './log.follow.ts';
import { taskGet } from './task.get.ts';
import { taskList } from './task.list.ts';
import { taskPlan } from './task.plan.ts';
import { taskReport } from './task.report.ts';
import { triggerGet } from './trigger.get.ts';
import { triggerList } from './trigger.list.ts';
import { triggerLog } from './trigger.log.ts';
import { triggerNext } from './trigger.next.ts';

export const READING = {
  'daemon.doctor': daemonDoctor,
  'event.follow': eventFollow,
  'log.follow': logFollow,
  'task.get': taskGet,
  'task.list': taskList,
  'task.plan': taskPlan,
  'task.report': taskReport,
  'trigger.get': triggerGet,
  'trigger.list': triggerList,
  'trigger.log': triggerLog,
  'trigger.next': triggerNext,
};
