/** A service as users write it: `keep` with `ready`, `health`, `restart` and `port`; and the same written out again. */
import { type Probe, type ServiceSpec, serviceSpec } from '../contract/service.ts';
import {
  MAX_RESTARTS,
  PROBE_KINDS,
  type ProbeKind,
  READY_SECONDS,
  RESTARTS,
} from '../contract/service-words.ts';
import { field, join } from './fields.ts';
import { found, isNothing, type MapNode, type Node } from './node.ts';
import type { Problems } from './problems.ts';
import { argv, duration, int, nullable, oneOf, type Report, text, type ValueType } from './types.ts';

const WORD = text(4096, 'a text');
/** How each is written. */
const WRITTEN: Readonly<Record<ProbeKind, ValueType<string | string[]>>> = {
  tcp: { ...WORD, wanted: 'a port, or HOST:PORT', schema: { type: ['integer', 'string'] } },
  http: WORD,
  line: WORD,
  file: WORD,
  command: argv(),
};

const ABOUT = 'a map with one of tcp, http, line, file and command';
const READY = { timeout: duration() };
const HEALTH = { every: duration(), failures: int(1, 1000) };

export const SERVICE_FIELDS = {
  ready: nullable(probing(READY, true), 'as soon as it runs'),
  health: nullable(probing(HEALTH, false), 'only whether it runs'),
  restart: oneOf(...RESTARTS),
  max_restarts: int(0, MAX_RESTARTS),
  restart_window: duration(),
  port: nullable(portType(), 'none is known'),
} satisfies Record<string, ValueType<unknown>>;

interface Probing {
  probe: Probe | null;
  more: Readonly<Record<string, number>>;
}

/** One way to look, and settings beside it. */
function probing(more: Readonly<Record<string, ValueType<number>>>, needsProbe: boolean): ValueType<Probing> {
  const wanted = `${needsProbe ? ABOUT : `${ABOUT} (or none: that of ready)`}, and ${Object.keys(more).join(', ')}`;
  const kinds = PROBE_KINDS.filter(kind => needsProbe || kind !== 'line');
  const fields = { ...Object.fromEntries(kinds.map(kind => [kind, WRITTEN[kind]])), ...more };
  return {
    wanted,
    schema: {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(Object.entries(fields).map(([key, type]) => [key, type.schema])),
    },
    read(node, report) {
      if (node.kind !== 'map') {
        report(node, `found ${found(node)}, wanted ${wanted}`);
        return undefined;
      }
      const known = Object.keys(fields);
      const strange = [...node.entries].find(([key]) => !known.includes(key));
      if (strange) {
        const why = strange[0] === 'line' ? 'says nothing of how it is now' : 'unknown key';
        report(strange[1].key, `"${strange[0]}": ${why}; wanted ${wanted}`);
        return undefined;
      }
      const written = kinds.filter(kind => node.entries.has(kind));
      if (written.length > 1 || (needsProbe && written.length === 0)) {
        report(node, `wanted ${written.length > 1 ? 'only one' : 'one'} of ${kinds.join(', ')}`);
        return undefined;
      }
      const values: Record<string, number> = {};
      for (const [key, type] of Object.entries(more)) {
        const entry = node.entries.get(key);
        const value = entry && type.read(entry.value, inside(report, key));
        if (entry && value === undefined) return undefined;
        if (value !== undefined) values[key] = value;
      }
      const [kind] = written;
      if (!kind) return { probe: null, more: values };
      const probe = probeOf(kind, node.entries.get(kind)!.value, inside(report, kind));
      return probe && { probe, more: values };
    },
  };
}

const inside =
  (report: Report, key: string): Report =>
  (at, message, suggestion, inner) =>
    report(at, message, suggestion, `.${key}${inner ?? ''}`);

function probeOf(kind: ProbeKind, node: Node, report: Report): Probe | undefined {
  const value = WRITTEN[kind].read(node, report);
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return { kind: 'command', run: value };
  switch (kind) {
    case 'tcp':
      if (ADDRESS.test(value) && portIn(value)) return { kind, address: value };
      report(node, `found ${found(node)}, wanted ${WRITTEN.tcp.wanted}`);
      return undefined;
    case 'http':
      if (URL.canParse(value.replaceAll('${PORT}', '1')) && /^https?:/.test(value))
        return { kind, url: value };
      report(node, `found ${found(node)}, wanted a URL such as "http://127.0.0.1:\${PORT}/health"`);
      return undefined;
    case 'line':
      return { kind, text: value };
    case 'file':
      return { kind, path: value };
    case 'command':
      return undefined;
  }
}

const ADDRESS = /^(?:(?:[\w.-]+|\[[0-9a-fA-F:]+\]):)?(?:\d{1,5}|\$\{PORT\})$/;
const portIn = (address: string) => {
  const port = /(\d+)$/.exec(address)?.[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
};

function portType(): ValueType<'auto' | number> {
  const number = int(1, 65_535);
  return {
    wanted: `auto, or ${number.wanted}`,
    schema: { anyOf: [{ const: 'auto' }, number.schema] },
    read(node, report) {
      if (node.kind === 'scalar' && node.text === 'auto') return 'auto';
      return number.read(node, (at, message) => report(at, message.replace(number.wanted, this.wanted)));
    },
  };
}

/** The settings of a service; undefined: it is none, or that was reported. */
export function readService(
  map: MapNode,
  path: string,
  keeps: boolean,
  { problems }: { problems: Problems },
): ServiceSpec | undefined {
  const normal = map.entries.get('service');
  if (normal && keeps) return field(map, 'service', SERVICE_TYPE, problems, path);
  if (normal) problems.add(normal.key, join(path, 'service'), 'is for services only ("keep")');
  const read = Object.entries(SERVICE_FIELDS).flatMap(([key, type]) => {
    const entry = map.entries.get(key);
    if (!entry) return [];
    if (!keeps) {
      if (!isNothing(entry.value)) problems.add(entry.key, join(path, key), 'is for services only ("keep")');
      return [];
    }
    const report: Report = (at, message, suggestion, inner) =>
      problems.add(at, `${join(path, key)}${inner ?? ''}`, message, suggestion ?? null);
    return [[key, (type as ValueType<unknown>).read(entry.value, report)] as const];
  });
  if (!keeps) return undefined;
  const given = Object.fromEntries(read) as {
    [K in keyof typeof SERVICE_FIELDS]?: ReturnType<(typeof SERVICE_FIELDS)[K]['read']>;
  };
  const { ready, health, restart, max_restarts, restart_window, port } = given;
  if (health && health.probe === null && (!ready?.probe || ready.probe.kind === 'line') && port == null)
    problems.add(
      map.entries.get('health')!.key,
      join(path, 'health'),
      'says no way to look, and there is none in "ready"; add tcp, http, file or command',
    );
  for (const [key, probe] of Object.entries({ ready: ready?.probe, health: health?.probe }))
    if (probe && port == null && JSON.stringify(probe).includes('${PORT}'))
      problems.add(
        map.entries.get(key)!.key,
        join(path, key),
        'has ${PORT}, and the service has no port; add "port: auto"',
      );
  return serviceSpec.parse({
    ready: ready?.probe ? { probe: ready.probe, timeout_seconds: ready.more.timeout ?? READY_SECONDS } : null,
    health: health
      ? {
          probe: health.probe,
          ...(health.more.every === undefined ? {} : { every_seconds: health.more.every }),
          ...(health.more.failures === undefined ? {} : { failures: health.more.failures }),
        }
      : null,
    ...(restart === undefined ? {} : { restart }),
    ...(max_restarts === undefined ? {} : { max_restarts }),
    ...(restart_window === undefined ? {} : { window_seconds: restart_window }),
    port: port ?? null,
  });
}

/** The normal form, as rasen itself writes it. */
const SERVICE_TYPE: ValueType<ServiceSpec> = {
  wanted: 'the settings of a service in their normal form',
  schema: { type: 'object' },
  read(node, report) {
    const read = serviceSpec.safeParse(plainValue(node));
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    report(node, `${issue?.message ?? 'is not sound'}; wanted ${this.wanted}`);
    return undefined;
  },
};

function plainValue(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainValue);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plainValue(value)]));
}
