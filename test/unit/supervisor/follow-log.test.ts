/** Whose output a log says it is. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogRecord } from '../../../src/contract/methods/log.follow.ts';
import type { Paths } from '../../../src/paths.ts';
import type { RequestContext, Send } from '../../../src/rpc/server.ts';
import { followLog } from '../../../src/supervisor/follow-log.ts';
import { Places } from '../../../src/supervisor/places.ts';
import type { Registry } from '../../../src/supervisor/registry.ts';
import { NO_MASKS } from '../../support/no-masks.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

it('a judge without a program of its own is the agent of the coder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rasen-log-'));
  try {
    const review = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 3 };
    const agents = { coder: { backend: 'claude' as const, command: ['claude'] } };
    const task = new TaskBuilder(specOf({ review, agents, gates: [] })).claimed().plan(['a']).started();
    task.begin('a').end('a').gate('a', 'clean').gate('a', 'diff').gateBegin('a', 'review');
    const { state, events } = task;
    const places = new Places({ tasks: folder } as Paths);
    for (const job of ['a/1', 'a/1/gates/2.1']) {
      mkdirSync(places.job(state.id, job), { recursive: true });
      writeFileSync(join(places.job(state.id, job), 'output'), 'said\n');
    }
    const registry = {
      resolve: () => ({ id: state.id }),
      stateOf: () => state,
      eventsAfter: (_: unknown, seq: number) => events.slice(seq),
      listen: () => () => {},
    } as unknown as Registry;
    const records: LogRecord[] = [];
    const notify = (_method: string, params: unknown) => {
      records.push(...(params as { records: LogRecord[] }).records);
    };
    const context = {
      signal: new AbortController().signal,
      id: 1,
      turn: (work: (send: Send) => unknown) => work(notify),
    } as unknown as RequestContext;
    const params = { task: state.id, follow: false, events: false, gates: true, raw: false };
    await followLog({ registry, places, masks: NO_MASKS }, params, context);
    expect(records.map(({ job, agent }) => [job, agent])).toEqual([
      ['a/1', 'claude'],
      ['a/1/gates/2.1', 'claude'],
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
