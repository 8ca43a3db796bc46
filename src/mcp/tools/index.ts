/** All tools, in the order in which clients see them. What only a person decides is not among them. */
import type { Tool } from '../tool.ts';
import { ensure } from './ensure.ts';
import { list } from './list.ts';
import { logs } from './logs.ts';
import { run } from './run.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { trigger } from './trigger.ts';
import { wait } from './wait.ts';

export const TOOLS: readonly Tool[] = [run, ensure, wait, status, logs, list, stop, trigger];
