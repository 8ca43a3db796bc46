/** A plan as people write it: what services and needs are called in files, in place of their normal form. Pure. */
import type { Subtask } from '../contract/plan.ts';
import type { Probe, ServiceSpec } from '../contract/service.ts';
import { USUAL_SERVICE } from '../contract/service-words.ts';

/** A subtask with `keep`, `ready` and its like, and with needs as a list. */
export function writtenSubtask({ needs, need_states, do: work, service, ...rest }: Subtask): object {
  return {
    ...rest,
    ...('keep' in work ? { keep: work.keep } : { do: work }),
    ...(service ? writtenService(service) : {}),
    needs: needs.map(id => (need_states?.[id] === undefined ? id : { [id]: need_states[id] })),
  };
}

/** As people write it; what is as by default is left out. */
function writtenService(service: ServiceSpec): Record<string, unknown> {
  const { ready, health, restart, max_restarts, window_seconds, port } = service;
  const usual = USUAL_SERVICE;
  return {
    ...(port === null ? {} : { port }),
    ...(ready ? { ready: { ...writtenProbe(ready.probe), timeout: ready.timeout_seconds } } : {}),
    ...(health
      ? {
          health: {
            ...(health.probe ? writtenProbe(health.probe) : {}),
            every: health.every_seconds,
            failures: health.failures,
          },
        }
      : {}),
    ...(restart === usual.restart ? {} : { restart }),
    ...(max_restarts === usual.max_restarts ? {} : { max_restarts }),
    ...(window_seconds === usual.window_seconds ? {} : { restart_window: window_seconds }),
  };
}

function writtenProbe(probe: Probe): Record<string, unknown> {
  switch (probe.kind) {
    case 'tcp':
      return { tcp: probe.address };
    case 'http':
      return { http: probe.url };
    case 'line':
      return { line: probe.text };
    case 'file':
      return { file: probe.path };
    case 'command':
      return { command: probe.run };
  }
}
