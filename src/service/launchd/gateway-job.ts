/**
 * What launchd is told about the gateway: an agent, or a daemon for one user, that is kept alive and makes its sockets
 * itself. launchd could hold them, but hands them over through launch_activate_socket(3) alone, which Node cannot call.
 * Pure functions of the request; gateway.ts installs what they say.
 */
import { dirname, join } from 'node:path';
import { MARK } from '../files.ts';
import type { ServiceFile, ServiceRequest } from '../service.ts';
import { environmentOf, namesOf } from './job.ts';
import { type Plist, plistText, unescaped } from './plist.ts';

const LABEL = 'dev.rasen.gateway';

export interface GatewayNames {
  label: string;
  plist: string;
  out: string;
  err: string;
}

export function gatewayNamesOf(request: ServiceRequest, root: string): GatewayNames {
  const { mode, user } = request;
  const { plist, logs } = namesOf(request, root);
  const label = mode === 'user' ? LABEL : `${LABEL}.${user.name}`;
  return {
    label,
    plist: join(dirname(plist), `${label}.plist`),
    out: join(logs, 'gateway.out.log'),
    err: join(logs, 'gateway.err.log'),
  };
}

export function gatewayPlist(request: ServiceRequest, address: string, root: string): ServiceFile {
  const about = `Written by "${MARK}" for ${request.user.name}. Starts the gateway of rasen; see rasen-gateway(8).`;
  const text = plistText(gatewayJobOf(request, address, root), about);
  return { path: gatewayNamesOf(request, root).plist, text, mode: 0o644 };
}

export function gatewayJobOf(request: ServiceRequest, address: string, root: string): Record<string, Plist> {
  const { mode, user, launcher, umask } = request;
  const { label, out, err } = gatewayNamesOf(request, root);
  return {
    Label: label,
    ...(mode === 'system' ? { UserName: user.name } : {}),
    ProgramArguments: [join(dirname(launcher), 'rasen'), 'gateway', '--listen', address, '--unix'],
    RunAtLoad: true,
    // However it ended; `rasen service stop` unloads it.
    KeepAlive: true,
    ThrottleInterval: 10,
    ExitTimeOut: 15,
    // The supervisor that it may have started has a session of its own; this holds for whatever has not.
    AbandonProcessGroup: true,
    // Of every other type the tasks of a supervisor that it starts would be throttled.
    ProcessType: 'Interactive',
    ...(mode === 'user' ? { LimitLoadToSessionType: ['Aqua', 'Background'] } : {}),
    Umask: Number.parseInt(umask, 8),
    SoftResourceLimits: { NumberOfFiles: 10_240 },
    EnvironmentVariables: environmentOf(request),
    StandardOutPath: out,
    StandardErrorPath: err,
  };
}

/** Where the job of a plist listens; null: it is none of ours. */
export function addressIn(text: string): string | null {
  const found = /<string>--listen<\/string>\s*<string>([^<]*)</.exec(text)?.[1];
  return found === undefined ? null : unescaped(found);
}
