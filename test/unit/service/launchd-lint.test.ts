/** The lint of property lists finds what launchd would refuse or misunderstand, and says which key it is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lintPlist } from '../../support/plist-lint.ts';
import { hasPython } from '../../support/plist-read.ts';

const data = (name: string) => readFileSync(join(import.meta.dirname, '../../data/launchd', name), 'utf8');
const lintFile = (kind: string, name: string) => lintPlist(`/Library/${kind}/${name}`, data(name));

describe.skipIf(!hasPython)('the lint finds (needs python3)', () => {
  test('a shell string, a dead key, a version manager, logs in /tmp', () => {
    expect(lintFile('LaunchDaemons', 'shell-and-tmp.plist')).toEqual([
      'OnDemand: dead key, use KeepAlive',
      'EnvironmentVariables.HOME: missing, a daemon gets none',
      'EnvironmentVariables.USER: missing, a daemon gets none',
      'EnvironmentVariables.LOGNAME: missing, a daemon gets none',
      'ProgramArguments: a shell string; name the program and its arguments',
      'ProgramArguments[2]: under a version manager, gone after its next update: /Users/alice/.nvm/versions/node/v24.1.0/bin/rasend',
      'AbandonProcessGroup: must be true, launchd kills what is left in the group',
      'ProcessType: missing, launchd would throttle all tasks; use Interactive',
      'StandardErrorPath: in /tmp, where everybody can put a link',
      'EnvironmentVariables.PATH: relative folder "./node_modules/.bin"',
    ]);
  });

  test('mistyped keys and types, what no shell expands, secrets', () => {
    expect(lintFile('LaunchAgents', 'mistakes.plist')).toEqual([
      'KeepALive: unknown key, launchd ignores it; did you mean KeepAlive?',
      'Label: is not the name of the file, mistakes.plist',
      'LimitLoadToSessionType: unknown type Aqau; did you mean Aqua?',
      'KeepAlive: must be true',
      'ProcessType: unknown type interactiv; did you mean Interactive?',
      'ProgramArguments[0]: launchd does not expand $HOME',
      'StandardOutPath: launchd does not expand ~',
      'WorkingDirectory: relative path projects',
      'EnvironmentVariables.GITHUB_TOKEN: a secret, in a file that everybody can read',
      'EnvironmentVariables.REMOTE: a secret, in a file that everybody can read',
    ]);
  });

  test('values of the wrong type', () => {
    expect(lintFile('LaunchAgents', 'wrong-types.plist').sort()).toEqual(
      [
        'ProgramArguments[1]: integer, must be string',
        'RunAtLoad: string, must be boolean',
        'KeepAlive: integer, must be boolean or dict',
        'ThrottleInterval: real, must be integer',
        'ExitTimeOut: string, must be integer',
        'Umask: date, must be integer or string',
        'SoftResourceLimits.NumberOfFile: unknown key, launchd ignores it; did you mean NumberOfFiles?',
        'EnvironmentVariables.N: integer, must be string',
        'StandardOutPath: data, must be string',
        'ProgramArguments[0]: relative path bin/rasend',
        'RunAtLoad: must be true',
        'KeepAlive: must be true',
        'ProcessType: Background lets launchd throttle all tasks; use Interactive',
      ].sort(),
    );
  });

  test('a job that stays away after it has ended', () => {
    expect(lintFile('LaunchAgents', 'stays-away.plist')).toEqual([
      'KeepAlive.NetworkState: dead key, nothing reads it',
      "EnvironmentVariables.PATH: missing, launchd's is /usr/bin:/bin:/usr/sbin:/sbin",
      'RunAtLoad: must be true',
      'KeepAlive.SuccessfulExit: false means that it stays away after a clean end',
      'AbandonProcessGroup: must be true, launchd kills what is left in the group',
    ]);
  });

  test('a daemon that would run as root, and an agent that names a user', () => {
    const text = data('stays-away.plist');
    expect(lintPlist('/Library/LaunchDaemons/stays-away.plist', text)).toContain(
      'UserName: missing, the daemon would run as root',
    );
    const named = text.replace('<dict>', '<dict><key>UserName</key><string>alice</string>');
    expect(lintPlist('/Library/LaunchAgents/stays-away.plist', named)).toContain(
      'UserName: only daemons have it',
    );
  });

  test('a file that was cut, and one that is something else', () => {
    expect(lintFile('LaunchAgents', 'truncated.plist')).toEqual([
      expect.stringMatching(/^no property list: no element found: line 7/),
    ]);
    expect(lintPlist('/x/a.plist', '<plist version="1.0"><array/></plist>')).toEqual([
      'the outermost value is no dict',
    ]);
  });
});
