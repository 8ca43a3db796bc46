/** The keys of launchd.plist(5) and what may stand under each. Used by plist-lint.ts. */

export type Kind =
  | 'string'
  | 'integer'
  | 'boolean'
  | { array: Kind }
  /** Keys of our own choice. */
  | { map: Kind }
  /** These keys and no others. */
  | { keys: Record<string, Kind> }
  | { either: Kind[] };

const strings: Kind = { array: 'string' };
const limits: Kind = {
  keys: {
    Core: 'integer',
    CPU: 'integer',
    Data: 'integer',
    FileSize: 'integer',
    MemoryLock: 'integer',
    NumberOfFiles: 'integer',
    NumberOfProcesses: 'integer',
    ResidentSetSize: 'integer',
    Stack: 'integer',
  },
};
const moment: Kind = {
  keys: { Minute: 'integer', Hour: 'integer', Day: 'integer', Weekday: 'integer', Month: 'integer' },
};
const socket: Kind = {
  keys: {
    SockType: 'string',
    SockPassive: 'boolean',
    SockNodeName: 'string',
    SockServiceName: { either: ['string', 'integer'] },
    SockFamily: 'string',
    SockProtocol: 'string',
    SockPathName: 'string',
    SecureSocketWithKey: 'string',
    SockPathOwner: 'integer',
    SockPathGroup: 'integer',
    SockPathMode: 'integer',
    Bonjour: { either: ['boolean', 'string', strings] },
    MulticastGroup: 'string',
  },
};

export const KEYS: Record<string, Kind> = {
  Label: 'string',
  Disabled: 'boolean',
  UserName: 'string',
  GroupName: 'string',
  inetdCompatibility: { keys: { Wait: 'boolean', Instances: 'integer' } },
  LimitLoadToHosts: strings,
  LimitLoadFromHosts: strings,
  LimitLoadToSessionType: { either: ['string', strings] },
  LimitLoadToHardware: { map: strings },
  LimitLoadFromHardware: { map: strings },
  Program: 'string',
  BundleProgram: 'string',
  ProgramArguments: strings,
  EnableGlobbing: 'boolean',
  EnableTransactions: 'boolean',
  EnablePressuredExit: 'boolean',
  OnDemand: 'boolean',
  ServiceIPC: 'boolean',
  KeepAlive: {
    either: [
      'boolean',
      {
        keys: {
          SuccessfulExit: 'boolean',
          NetworkState: 'boolean',
          PathState: { map: 'boolean' },
          OtherJobEnabled: { map: 'boolean' },
          Crashed: 'boolean',
          AfterInitialDemand: 'boolean',
        },
      },
    ],
  },
  RunAtLoad: 'boolean',
  RootDirectory: 'string',
  WorkingDirectory: 'string',
  EnvironmentVariables: { map: 'string' },
  Umask: { either: ['integer', 'string'] },
  TimeOut: 'integer',
  ExitTimeOut: 'integer',
  ThrottleInterval: 'integer',
  InitGroups: 'boolean',
  WatchPaths: strings,
  QueueDirectories: strings,
  StartOnMount: 'boolean',
  StartInterval: 'integer',
  StartCalendarInterval: { either: [moment, { array: moment }] },
  StandardInPath: 'string',
  StandardOutPath: 'string',
  StandardErrorPath: 'string',
  Debug: 'boolean',
  WaitForDebugger: 'boolean',
  SoftResourceLimits: limits,
  HardResourceLimits: limits,
  Nice: 'integer',
  ProcessType: 'string',
  AbandonProcessGroup: 'boolean',
  LowPriorityIO: 'boolean',
  LowPriorityBackgroundIO: 'boolean',
  MaterializeDatalessFiles: 'boolean',
  LaunchOnlyOnce: 'boolean',
  MachServices: {
    map: { either: ['boolean', { keys: { ResetAtClose: 'boolean', HideUntilCheckIn: 'boolean' } }] },
  },
  Sockets: { map: { either: [socket, { array: socket }] } },
  LaunchEvents: { map: { map: { either: ['string', 'integer', 'boolean', { map: 'string' }] } } },
  HopefullyExitsLast: 'boolean',
  HopefullyExitsFirst: 'boolean',
  SessionCreate: 'boolean',
  LegacyTimers: 'boolean',
  AssociatedBundleIdentifiers: { either: ['string', strings] },
};

/** Still read by launchd, or by nobody; and what to use. */
export const DEAD: Record<string, string> = {
  OnDemand: 'use KeepAlive',
  ServiceIPC: 'nothing reads it',
  TimeOut: 'nothing reads it',
  HopefullyExitsLast: 'nothing reads it',
  HopefullyExitsFirst: 'nothing reads it',
  'KeepAlive.NetworkState': 'nothing reads it',
};

export const PROCESS_TYPES = ['Background', 'Standard', 'Adaptive', 'Interactive'];
export const SESSION_TYPES = ['Aqua', 'Background', 'LoginWindow', 'StandardIO', 'System'];
