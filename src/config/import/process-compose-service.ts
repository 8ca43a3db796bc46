/** Probes and restarts of process-compose.yaml as the settings of a service. */
import type { MapNode, Node } from '../node.ts';

const textOf = (node: Node | undefined): string =>
  node?.kind === 'scalar' && node.value !== null ? node.text : '';
const inner = (map: MapNode, ...path: string[]): Node | undefined =>
  path.reduce<Node | undefined>(
    (node, key) => (node?.kind === 'map' ? node.entries.get(key)?.value : undefined),
    map,
  );

const RESTARTS: Readonly<Record<string, string>> = {
  always: 'always',
  on_failure: 'on-failure',
  no: 'never',
};

/** Why it cannot be a service; null: it can. */
export function unlike(map: MapNode): string | null {
  for (const key of ['readiness_probe', 'liveness_probe'])
    if (map.entries.has(key) && probeOf(map, key) === null)
      return `its "${key}" is neither http_get with a port nor exec with a command`;
  return null;
}

/** `ready`, `health` and `restart`. */
export function serviceOf(map: MapNode): Record<string, unknown> {
  const line = textOf(map.entries.get('ready_log_line')?.value);
  const ready = probeOf(map, 'readiness_probe') ?? (line === '' ? null : { line });
  const health = probeOf(map, 'liveness_probe');
  const every = Number(textOf(inner(map, 'liveness_probe', 'period_seconds')));
  const failures = Number(textOf(inner(map, 'liveness_probe', 'failure_threshold')));
  const restart = RESTARTS[textOf(inner(map, 'availability', 'restart'))];
  const most = Number(textOf(inner(map, 'availability', 'max_restarts')));
  return {
    ...(ready ? { ready } : {}),
    ...(health
      ? { health: { ...health, ...(every > 0 ? { every } : {}), ...(failures > 0 ? { failures } : {}) } }
      : {}),
    ...(restart === undefined ? {} : { restart }),
    ...(most > 0 ? { max_restarts: most } : {}),
  };
}

function probeOf(map: MapNode, key: string): Record<string, unknown> | null {
  const command = textOf(inner(map, key, 'exec', 'command'));
  if (command !== '') return { command: ['/bin/sh', '-c', command] };
  const of = (name: string) => textOf(inner(map, key, 'http_get', name));
  if (!/^\d+$/.test(of('port'))) return null;
  const host = of('host') || '127.0.0.1';
  return { http: `${of('scheme').toLowerCase() || 'http'}://${host}:${of('port')}${of('path') || '/'}` };
}
