/**
 * rasend as a service of the operating system: what can be asked of a service manager, whichever it is. One folder a
 * kind (systemd/, launchd/); the command `rasen service` and `rasen doctor` use them through this interface only.
 */
import type { Paths } from '../paths.ts';

/** user: a unit of the user's own manager, or a LaunchAgent. system: a template instance, or a LaunchDaemon, for one user. */
export type ServiceMode = 'user' | 'system';

export interface ServiceUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

/** What a service is to be made of; everything is resolved, nothing is looked up later. */
export interface ServiceRequest {
  mode: ServiceMode;
  user: ServiceUser;
  /** Absolute path of `bin/rasend`. */
  launcher: string;
  /** PATH that tasks started without a terminal find, as the user's login shell has it. */
  path: string;
  /** Octal, of the user: git writes with it. */
  umask: string;
  /** Set when the instance is not the default one (RASEN_HOME). */
  rasen_home: string | null;
  paths: Paths;
}

/** A file as it has to be; directories are made as needed. */
export interface ServiceFile {
  path: string;
  text: string;
  mode: number;
  /** The user writes into it, too: `text` holds his lines, and that it was not made by us is no reason to refuse it. */
  shared?: boolean;
}

/** How a service fares, beyond whether it runs. */
export interface Health {
  /** What rasend says of itself: `1 running, 0 waiting, 0 blocked`; null where it says nothing. */
  said: string | null;
  /** Why it does not run although it should, in a sentence without its full stop; null: it does, or nobody wants it to. */
  problem: string | null;
  /** It will not run before somebody mends that: clients need not wait. */
  cannot_start: boolean;
}

export interface ServiceStatus extends Health {
  installed: boolean;
  /** Comes back at boot without a login. */
  at_boot: boolean;
  running: boolean;
  pid: number | null;
  /** In the manager's own words: `active (running)`. */
  state: string;
  /** When it last started (ISO 8601), where the manager tells. */
  since: string | null;
  /** Files that are not as this version would write them. */
  outdated: string[];
}

/** The gateway beside rasend: a second service, which may be there or not. */
export interface GatewayStatus extends Pick<Health, 'problem'> {
  /** Where it is asked: `http://127.0.0.1:15001`. */
  url: string;
  /** Its Unix socket. */
  unix: string;
  /** Requests are answered: it runs, or its socket starts it. */
  answers: boolean;
  running: boolean;
  pid: number | null;
  /** In the manager's own words; `waiting`: the first request starts it. */
  state: string;
  /** Files that are not as this version would write them. */
  outdated: string[];
}

/** What can be asked of it. Each verb but `install` does nothing where it is not installed. */
export interface GatewayService {
  /** Where it is installed to listen, `127.0.0.1:15001`; null: it is not installed. Looks at files only. */
  address(request: ServiceRequest): string | null;
  files(request: ServiceRequest, address: string): ServiceFile[];
  /** Repeatable; rasend is a service by then. Afterwards it answers. On failure nothing half-installed is left. */
  install(request: ServiceRequest, address: string, report: Report): Promise<void>;
  /** Leaves nothing but its state: logins and repositories. */
  uninstall(request: ServiceRequest, report: Report): Promise<void>;
  start(request: ServiceRequest): Promise<void>;
  stop(request: ServiceRequest): Promise<void>;
  restart(request: ServiceRequest): Promise<void>;
  status(request: ServiceRequest): Promise<GatewayStatus | null>;
}

/** Told of each step as it is done, in words for people. */
export type Report = (step: string) => void;

export interface ServiceManager {
  readonly name: 'systemd' | 'launchd';
  readonly gateway: GatewayService;
  /** All files that an installation consists of, as they have to be now; changes nothing. */
  files(request: ServiceRequest): ServiceFile[];
  /** Repeatable; afterwards the service answers. On failure nothing half-installed is left. */
  install(request: ServiceRequest, report: Report): Promise<void>;
  /** Leaves nothing of the installation; tasks are stopped as `stop` does, state stays. */
  uninstall(request: ServiceRequest, report: Report): Promise<void>;
  start(request: ServiceRequest, report: Report): Promise<void>;
  /** Ends rasend and its tasks, gracefully; they go on at the next start. */
  stop(request: ServiceRequest, report: Report): Promise<void>;
  /** Harmless to tasks. */
  restart(request: ServiceRequest, report: Report): Promise<void>;
  status(request: ServiceRequest): Promise<ServiceStatus>;
  /** The program that the installed files start; null: there are none, or they are not ours to read. */
  program(request: ServiceRequest): string | null;
}
