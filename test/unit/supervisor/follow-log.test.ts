/** Whose output a log says it is. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogRecord } from '../../../src/methods/log.follow.ts';
import type { Paths } from '../../../src/paths.ts';
import { NOBODY } from '../../../src/rpc/request.ts';
import type { RequestContext } from '../../../src/rpc/server.ts';
import { followLog } from '../../../src/supervisor/follow-log.ts';
import { Places } from '../../../src/supervisor/places.ts';
import type { Registry } from '../../../src/supervisor/registry.ts';
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
      eventsAfter: () => events,
      listen: () => () => {},
    } as unknown as Registry;
    const records: LogRecord[] = [];
    const notify = async (_method: string, params: unknown) => {
      records.push(...(params as { records: LogRecord[] }).records);
    };
    const context: RequestContext = {
      signal: new AbortController().signal,
      connection: 1,
      id: 1,
      peer: NOBODY,
      notify,
    };
    const params = { task: state.id, follow: false, events: false, gates: true };
    await followLog({ registry, places }, params, context);
    expect(records.map(({ job, agent }) => [job, agent])).toEqual([
      ['a/1', 'claude'],
      ['a/1/gates/2.1', 'claude'],
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
