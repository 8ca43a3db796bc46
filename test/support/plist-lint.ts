/**
 * Finds what launchd would refuse or, worse, take silently for something else: each finding is one sentence that begins
 * with the key. launchd itself says "Input/output error" to all of it, and only on a Mac.
 */
import { basename } from 'node:path';
import { nearest } from '../../src/util/nearest.ts';
import { DEAD, KEYS, type Kind, PROCESS_TYPES, SESSION_TYPES } from './plist-keys.ts';
import { Other, type PlistValue, readPlist } from './plist-read.ts';

type Dict = { [key: string]: PlistValue };

const VERSION_MANAGERS = /\/(\.nvm|\.fnm|fnm_multishells|\.volta|\.asdf|mise|\.nodenv|n\/versions)\//;
const SECRET_NAME =
  /(TOKEN|SECRET|PASSW(OR)?D|API_?KEY|PRIVATE_KEY|CREDENTIALS?)($|_)|^(AWS_ACCESS|DATABASE_URL)/i;
const SECRET_VALUE =
  /^(sk-|ghp_|gho_|github_pat_|xox[abp]-|AKIA[0-9A-Z]{12})|-----BEGIN|:\/\/[^/\s:]+:[^/\s@]+@/;
const SHELLS = ['sh', 'bash', 'zsh', 'dash', 'fish'];
const PATH_KEYS = [
  'Program',
  'WorkingDirectory',
  'RootDirectory',
  'StandardInPath',
  'StandardOutPath',
  'StandardErrorPath',
] as const;

/** All findings on the text of the file `path`, whose name tells agent from daemon. */
export function lintPlist(path: string, text: string): string[] {
  let plist: PlistValue;
  try {
    plist = readPlist(text);
  } catch (error) {
    return [(error as Error).message];
  }
  if (!isDict(plist)) return ['the outermost value is no dict'];
  const kinds = wrongKinds(plist, { keys: KEYS }, '');
  return [
    ...kinds,
    ...deadKeys(plist),
    ...identity(plist, path),
    ...program(plist),
    ...life(plist),
    ...texts(plist),
  ];
}

function isDict(value: PlistValue | undefined): value is Dict {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Other);
}

function kindOf(value: PlistValue): string {
  if (Array.isArray(value)) return 'array';
  if (isDict(value)) return 'dict';
  if (value instanceof Other) return String(value);
  return typeof value === 'number' ? 'integer' : typeof value;
}

function named(kind: Kind): string {
  if (typeof kind === 'string') return kind;
  if ('either' in kind) return kind.either.map(named).join(' or ');
  return 'array' in kind ? 'array' : 'dict';
}

function wrongKinds(value: PlistValue, kind: Kind, at: string): string[] {
  if (typeof kind === 'object' && 'either' in kind) {
    const fit = kind.either.find(one => named(one) === kindOf(value));
    return fit ? wrongKinds(value, fit, at) : [`${at}: ${kindOf(value)}, must be ${named(kind)}`];
  }
  if (named(kind) !== kindOf(value)) return [`${at}: ${kindOf(value)}, must be ${named(kind)}`];
  if (typeof kind === 'string') return [];
  if ('array' in kind)
    return (value as PlistValue[]).flatMap((item, n) => wrongKinds(item, kind.array, `${at}[${n}]`));
  return Object.entries(value as Dict).flatMap(([key, item]) => {
    const name = at === '' ? key : `${at}.${key}`;
    const inner = 'map' in kind ? kind.map : Object.hasOwn(kind.keys, key) ? kind.keys[key] : undefined;
    if (inner) return wrongKinds(item, inner, name);
    const near = 'keys' in kind ? nearest(key, Object.keys(kind.keys)) : null;
    return [`${name}: unknown key, launchd ignores it${near ? `; did you mean ${near}?` : ''}`];
  });
}

function deadKeys(plist: Dict): string[] {
  return Object.entries(DEAD)
    .filter(([path]) => {
      const [key, inner] = path.split('.') as [string, string?];
      const value = plist[key];
      return inner === undefined ? value !== undefined : isDict(value) && inner in value;
    })
    .map(([path, instead]) => `${path}: dead key, ${instead}`);
}

/** Whose job it is. */
function identity(plist: Dict, path: string): string[] {
  const daemon = path.includes('/LaunchDaemons/');
  const found: string[] = [];
  if (plist.Label === undefined) found.push('Label: missing');
  else if (`${plist.Label}.plist` !== basename(path))
    found.push(`Label: is not the name of the file, ${basename(path)}`);
  if (daemon && plist.UserName === undefined) found.push('UserName: missing, the daemon would run as root');
  if (!daemon && plist.UserName !== undefined) found.push('UserName: only daemons have it');
  const env = isDict(plist.EnvironmentVariables) ? plist.EnvironmentVariables : {};
  for (const name of ['HOME', 'USER', 'LOGNAME'])
    if (daemon && !(name in env)) found.push(`EnvironmentVariables.${name}: missing, a daemon gets none`);
  if (env.PATH === undefined)
    found.push("EnvironmentVariables.PATH: missing, launchd's is /usr/bin:/bin:/usr/sbin:/sbin");
  const sessions = [plist.LimitLoadToSessionType ?? []].flat();
  for (const session of sessions)
    if (typeof session === 'string' && !SESSION_TYPES.includes(session))
      found.push(
        `LimitLoadToSessionType: unknown type ${session}; did you mean ${nearest(session, SESSION_TYPES)}?`,
      );
  return found;
}

/** What runs. */
function program(plist: Dict): string[] {
  const argv = (Array.isArray(plist.ProgramArguments) ? plist.ProgramArguments : []).filter(
    arg => typeof arg === 'string',
  );
  if (plist.Program === undefined && argv.length === 0)
    return ['ProgramArguments: missing, nothing would run'];
  const found: string[] = [];
  const first = argv[0];
  if (first !== undefined && plist.Program === undefined && !first.startsWith('/') && !unexpanded(first))
    found.push(`ProgramArguments[0]: relative path ${first}`);
  if (first !== undefined && SHELLS.includes(basename(first)) && argv.some(arg => /^-\w*c$/.test(arg)))
    found.push('ProgramArguments: a shell string; name the program and its arguments');
  for (const [n, arg] of argv.entries())
    if (VERSION_MANAGERS.test(arg))
      found.push(`ProgramArguments[${n}]: under a version manager, gone after its next update: ${arg}`);
  return found;
}

/** When it starts, and what happens when it ends. */
function life(plist: Dict): string[] {
  const found: string[] = [];
  const { KeepAlive: keep } = plist;
  if (plist.RunAtLoad !== true) found.push('RunAtLoad: must be true');
  if (isDict(keep) && keep.SuccessfulExit === true)
    found.push('KeepAlive.SuccessfulExit: true means that it stays away after a crash');
  else if (isDict(keep) && keep.SuccessfulExit === false)
    found.push('KeepAlive.SuccessfulExit: false means that it stays away after a clean end');
  else if (keep !== true) found.push('KeepAlive: must be true');
  if (plist.AbandonProcessGroup !== true)
    found.push('AbandonProcessGroup: must be true, launchd kills what is left in the group');
  const type = plist.ProcessType;
  if (type === undefined)
    found.push('ProcessType: missing, launchd would throttle all tasks; use Interactive');
  else if (typeof type === 'string' && !PROCESS_TYPES.includes(type))
    found.push(`ProcessType: unknown type ${type}; did you mean ${nearest(type, PROCESS_TYPES)}?`);
  else if (type !== 'Interactive')
    found.push(`ProcessType: ${type} lets launchd throttle all tasks; use Interactive`);
  return found;
}

/** What launchd takes literally though people think that it does not; and what must not be there. */
function texts(plist: Dict): string[] {
  const found: string[] = [];
  const each = (value: PlistValue, at: string): void => {
    if (typeof value === 'string' && unexpanded(value))
      found.push(`${at}: launchd does not expand ${unexpanded(value)}`);
    else if (Array.isArray(value)) value.forEach((item, n) => void each(item, `${at}[${n}]`));
    else if (isDict(value))
      for (const [key, item] of Object.entries(value)) each(item, at ? `${at}.${key}` : key);
  };
  each(plist, '');
  for (const key of PATH_KEYS) {
    const value = plist[key];
    if (typeof value !== 'string' || unexpanded(value)) continue;
    if (!value.startsWith('/')) found.push(`${key}: relative path ${value}`);
    if (/^\/(private\/)?tmp\//.test(value)) found.push(`${key}: in /tmp, where everybody can put a link`);
  }
  const env = isDict(plist.EnvironmentVariables) ? plist.EnvironmentVariables : {};
  for (const [name, value] of Object.entries(env))
    if (SECRET_NAME.test(name) || (typeof value === 'string' && SECRET_VALUE.test(value)))
      found.push(`EnvironmentVariables.${name}: a secret, in a file that everybody can read`);
  if (typeof env.PATH === 'string' && !unexpanded(env.PATH))
    for (const folder of env.PATH.split(':'))
      if (!folder.startsWith('/')) found.push(`EnvironmentVariables.PATH: relative folder "${folder}"`);
  return found;
}

/** The part that a shell would replace. */
function unexpanded(text: string): string | undefined {
  return /(?:^|:)(~)(?:\/|$)/.exec(text)?.[1] ?? /\$(?:\{\w+\}|[A-Za-z_]\w*)/.exec(text)?.[0];
}
