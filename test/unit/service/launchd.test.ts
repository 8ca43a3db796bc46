/** What launchd is told, as text; and what it tells, read. No Mac is needed for either. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { instancePaths } from '../../../src/paths.ts';
import { addressIn, gatewayJobOf, gatewayPlist } from '../../../src/service/launchd/gateway-job.ts';
import {
  daemonPath,
  jobOf,
  namesOf,
  plistFile,
  programOf,
  withoutCaptured,
} from '../../../src/service/launchd/job.ts';
import { explained, parseDisabled, parsePrint } from '../../../src/service/launchd/launchctl.ts';
import { plistText } from '../../../src/service/launchd/plist.ts';
import type { ServiceRequest } from '../../../src/service/service.ts';
import { lintPlist } from '../../support/plist-lint.ts';
import { hasPython, readPlist } from '../../support/plist-read.ts';

const root = join(import.meta.dirname, '../../..');
const user = { name: 'alice', uid: 501, gid: 20, home: '/Users/alice', shell: '/bin/zsh' };

/** As on a Mac, where no XDG_RUNTIME_DIR is to be found. */
const macPaths = ({ HOME, ...env }: { HOME: string; [name: string]: string }) =>
  instancePaths({ HOME, RASEN_RUNTIME_DIR: join(HOME, '.local/state/rasen/run'), ...env });

function request(more: Partial<ServiceRequest> = {}, env: Record<string, string> = {}): ServiceRequest {
  return {
    mode: 'user',
    user,
    launcher: '/opt/homebrew/lib/node_modules/rasen/bin/rasend',
    path: '/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin',
    umask: '022',
    rasen_home: env.RASEN_HOME ?? null,
    paths: macPaths({ HOME: user.home, ...env }),
    ...more,
  };
}

const requests: [string, ServiceRequest][] = [
  ['an agent', request()],
  ['a daemon', request({ mode: 'system' })],
  ['an agent of another instance', request({}, { RASEN_HOME: '/Users/alice/my rasen' })],
  [
    'an agent with XDG folders',
    request({}, { XDG_STATE_HOME: '/Volumes/big/state', XDG_CONFIG_HOME: '/Users/alice/etc' }),
  ],
  ['a daemon with a socket elsewhere', request({ mode: 'system' }, { RASEN_RUNTIME_DIR: '/var/run/rasen' })],
  ['names that XML has to escape', request({ launcher: '/Users/alice/R&D <x> "y"/\'bin\'/räsend' })],
];

describe('the property list of', () => {
  for (const [name, req] of requests)
    test.skipIf(!hasPython)(`${name} says what it should, and nothing to complain of (needs python3)`, () => {
      const { path, text, mode } = plistFile(req, '/');
      expect(mode).toBe(0o644);
      expect(readPlist(text)).toEqual(jobOf(req, '/'));
      expect(lintPlist(path, text)).toEqual([]);
    });

  for (const [name, req] of requests)
    test(`${name} makes rasend find the paths of the request`, () => {
      const env = jobOf(req, '/').EnvironmentVariables as Record<string, string>;
      expect(macPaths({ HOME: user.home, ...env })).toEqual(req.paths);
    });

  for (const [name, req] of requests)
    test(`${name} tells the program that it starts`, () => {
      expect(programOf(plistFile(req, '/').text)).toBe(req.launcher);
    });

  test('a daemon is where it is looked for, by the name of its user alone', () => {
    expect(namesOf(request({ mode: 'system' }), '/').plist).toBe(daemonPath('alice'));
    expect(daemonPath('alice')).toBe('/Library/LaunchDaemons/dev.rasen.rasend.alice.plist');
  });

  test('an agent and a daemon are the ones in packaging/launchd, word for word', async () => {
    // Absolute, since relative paths are resolved.
    const home = '/@HOME@';
    const req = {
      user: { ...user, name: '@USER@', home },
      launcher: '@LAUNCHER@',
      path: '@PATH@',
      paths: macPaths({ HOME: home }),
    };
    for (const mode of ['user', 'system'] as const) {
      const { path, text } = plistFile(request({ ...req, mode }), '/');
      await expect(text.replaceAll(home, '@HOME@')).toMatchFileSnapshot(
        join(root, 'packaging/launchd', basename(path)),
      );
    }
  });

  test.skipIf(!hasPython)('a gateway says what it should, and nothing to complain of (needs python3)', () => {
    for (const [, req] of requests) {
      const { path, text } = gatewayPlist(req, '127.0.0.1:15001', '/');
      const job = gatewayJobOf(req, '127.0.0.1:15001', '/');
      expect(readPlist(text)).toEqual(job);
      expect(lintPlist(path, text)).toEqual([]);
      expect((job.ProgramArguments as string[]).slice(1)).toEqual([
        ...['gateway', '--listen', '127.0.0.1:15001', '--unix'],
      ]);
      expect(addressIn(text)).toBe('127.0.0.1:15001');
    }
    expect(addressIn(plistFile(request(), '/').text)).toBeNull();
  });

  test('a group that shares files keeps its umask', () => {
    expect(jobOf(request({ umask: '002' }), '/').Umask).toBe(2);
    expect(jobOf(request({ umask: '077' }), '/').Umask).toBe(63);
  });

  test('two users have two daemons, with logs apart', () => {
    const [alice, bob] = ['alice', 'bob'].map(name =>
      namesOf(request({ mode: 'system', user: { ...user, name } }), '/'),
    );
    for (const key of ['label', 'plist', 'logs', 'out', 'err'] as const)
      expect(alice![key]).not.toBe(bob![key]);
  });

  test('texts that differ in what was captured are of one version', () => {
    const text = (more: Partial<ServiceRequest>) => withoutCaptured(plistFile(request(more), '/').text);
    expect(text({ path: '/other', umask: '077' })).toBe(text({}));
    expect(text({ launcher: '/other' })).not.toBe(text({}));
  });
});

describe('a property list', () => {
  test('refuses what XML cannot hold, and numbers that are none of launchd’s', () => {
    expect(() => plistText('a\u0001b', '')).toThrow('"a\\u0001b" has a character');
    expect(() => plistText('\ud800', '')).toThrow('has a character');
    expect(() => plistText({ a: 1.5 }, '')).toThrow('1.5 is no integer');
  });

  test.skipIf(!hasPython)('keeps every text, empty containers too (needs python3)', () => {
    const value = { a: [], b: {}, c: ['<&>"\'', ' x\r\n\ty ', '😀', ''], d: -1, e: false };
    expect(readPlist(plistText(value, 'with -- and\na line'))).toEqual(value);
  });
});

describe('launchctl', () => {
  const printed = (lines: string[]) =>
    `gui/501/dev.rasen.rasend = {\n${lines.map(line => `\t${line}\n`).join('')}}\n`;

  test('tells state and process of the job, not of its parts', () => {
    const text = printed([
      'active count = 1',
      'endpoints = {',
      '\tstate = active',
      '\tpid = 1',
      '}',
      'state = running',
      'pid = 812',
      'last exit code = (never exited)',
    ]);
    expect(parsePrint(text)).toEqual({ state: 'running', pid: 812, last_exit: null, runs: null });
  });

  test('tells how it ended', () => {
    expect(parsePrint(printed(['state = spawn scheduled', 'last exit code = 78: EX_CONFIG']))).toEqual({
      state: 'spawn scheduled',
      pid: null,
      last_exit: '78: EX_CONFIG',
      runs: null,
    });
    expect(parsePrint('something new')).toEqual({ state: 'unknown', pid: null, last_exit: null, runs: null });
  });

  test('tells what is disabled, in the words of old and new systems', () => {
    const text = '\tdisabled services = {\n\t\t"a.b" => disabled\n\t\t"c" => true\n\t\t"d" => enabled\n\t}\n';
    expect(['a.b', 'c', 'd', 'b', 'e'].map(label => parseDisabled(text, label))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('"Input/output error" gets its reasons, with the commands to look', () => {
    const ran = { code: 5, stdout: '', stderr: 'Bootstrap failed: 5: Input/output error\nTry re-running' };
    const error = explained('bootstrap', ran, { target: 'gui/501/dev.rasen.rasend', plist: '/p.plist' });
    expect(error.message).toBe(
      'launchctl bootstrap gui/501/dev.rasen.rasend failed: Bootstrap failed: 5: Input/output error.',
    );
    for (const look of [
      'launchctl print gui/501/dev.rasen.rasend ',
      'plutil -lint /p.plist',
      'print-disabled gui/501 ',
    ])
      expect(error.hint).toContain(look);
    expect(explained('bootstrap', { ...ran, code: 125 }, { target: 'gui/5/x', plist: '' }).hint).toMatch(
      /over ssh/,
    );
    expect(explained('bootstrap', { ...ran, code: 99 }, { target: 'gui/5/x', plist: '' }).hint).toContain(
      'launchctl error 99',
    );
  });
});

describe('files for the log rotation of the system', () => {
  const alice = macPaths({ HOME: '/@HOME@' });
  const files = ['newsyslog', 'logrotate'].flatMap(folder =>
    readdirSync(join(root, 'packaging', folder)).map(name => join('packaging', folder, name)),
  );
  const configuration = (path: string) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .filter(line => !/^\s*(#|$)/.test(line));

  test('name the log where rasend writes it', () => {
    expect(files.length).toBe(3);
    for (const file of files) {
      const [log] = configuration(file)[0]!.split(/\s+/);
      expect(log!.replace(/^~/, '@HOME@'), file).toBe(alice.log.slice(1));
    }
  });

  test('of newsyslog have the fields that it reads, and signal rasend', () => {
    const [log, early] = configuration('packaging/newsyslog/rasen.conf').map(line =>
      line.trim().split(/\s+/),
    );
    expect(log!.slice(1)).toEqual(['@USER@:staff', '600', '7', '10240', '*', 'J', alice.pid.slice(1), '1']);
    expect(early).toEqual([
      namesOf(request({ user: { ...user, home: '@HOME@' } }), '/').err,
      '@USER@:staff',
      '600',
      '1',
      '1024',
      '*',
      'N',
    ]);
  });
});
