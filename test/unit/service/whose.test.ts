/** Which service is whose, and what a verb is refused that would act on the other one. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentPath, daemonPath } from '../../../src/service/launchd/job.ts';
import { dropInPath } from '../../../src/service/systemd/names.ts';
import { refuseBoth, refuseOther, servicesOf, unitIn } from '../../../src/service/whose.ts';
import { FakeSystemd } from '../../support/fake-systemd.ts';

let fake: FakeSystemd;
beforeEach(() => {
  fake = new FakeSystemd();
});
afterEach(() => fake.close());

const alice = () => ({ name: 'alice', home: fake.home });
const places = () => ({ manager: 'systemd', folders: fake.folders }) as const;
const own = (name: string) => join(fake.home, '.config/systemd/user', name);

function put(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  return path;
}

function link(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync('/usr/lib/systemd/user/rasend.service', path);
  return path;
}

test('nothing is anybody’s where nothing is installed', () => {
  expect(servicesOf(alice(), places())).toEqual({ user: null, system: null });
  expect(() => refuseOther('user', 'stop', alice(), places())).not.toThrow();
  expect(() => refuseOther('system', 'stop', alice(), places())).not.toThrow();
});

test('a unit of the user, written or of a package and enabled, for one or for all', () => {
  const written = put(own('rasend.service'));
  expect(servicesOf(alice(), places())).toEqual({ user: written, system: null });
  fake.close();
  fake = new FakeSystemd();
  const enabled = link(own('default.target.wants/rasend.service'));
  expect(servicesOf(alice(), places()).user).toBe(enabled);
  fake.close();
  fake = new FakeSystemd();
  const all = link(join(fake.folders.etc, 'systemd/user/sockets.target.wants/rasend.socket'));
  expect(servicesOf(alice(), places()).user).toBe(all);
  expect(() => refuseBoth('system', alice(), places())).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('systemctl --global disable') }),
  );
});

test('an instance of the system, installed or of a package and enabled; of this user alone', () => {
  const enabled = link(join(fake.folders.etc, 'systemd/system/multi-user.target.wants/rasend@alice.service'));
  expect(servicesOf(alice(), places())).toEqual({ user: null, system: enabled });
  expect(servicesOf({ ...alice(), name: 'bob' }, places())).toEqual({ user: null, system: null });
  const dropIn = put(dropInPath('alice', fake.folders));
  expect(servicesOf(alice(), places()).system).toBe(dropIn);
});

test.each(['start', 'stop', 'restart', 'uninstall'])(
  '%s by a user whose rasend is of the system is refused with what root types',
  verb => {
    put(dropInPath('alice', fake.folders));
    expect(() => refuseOther('user', verb, alice(), places())).toThrow(
      expect.objectContaining({
        kind: 'service',
        hint: `It is for root to ${verb}: sudo rasen service ${verb} --system alice`,
      }),
    );
    expect(() => refuseOther('system', verb, alice(), places())).not.toThrow();
  },
);

test('--system for a user who has a service of their own is refused, though the template of a package is there', () => {
  link(own('default.target.wants/rasend.service'));
  expect(() => refuseOther('system', 'stop', alice(), places())).toThrow(
    expect.objectContaining({ hint: 'Let alice stop it, without --system: rasen service stop' }),
  );
});

test('where both are, each verb acts on the one that it names, and no second one is installed', () => {
  put(dropInPath('alice', fake.folders));
  link(own('default.target.wants/rasend.service'));
  for (const mode of ['user', 'system'] as const) {
    expect(() => refuseOther(mode, 'stop', alice(), places())).not.toThrow();
    expect(() => refuseBoth(mode, alice(), places())).toThrow(/already/);
  }
});

test('under launchd, an agent is of its user and a daemon of the system', () => {
  const at = { manager: 'launchd', root: fake.folder } as const;
  expect(servicesOf(alice(), at)).toEqual({ user: null, system: null });
  const daemon = put(daemonPath('alice', fake.folder));
  expect(servicesOf(alice(), at)).toEqual({ user: null, system: daemon });
  const agent = put(agentPath(fake.home));
  expect(servicesOf(alice(), at)).toEqual({ user: agent, system: daemon });
});

test('the unit of a process is read from its control group, of both versions', () => {
  const user = '0::/user.slice/user-1000.slice/user@1000.service/app.slice/rasend.service\n';
  expect(unitIn(user)).toBe('rasend.service');
  const system =
    '12:pids:/system.slice/system-rasend.slice\n1:name=systemd:/system.slice/system-rasend.slice/rasend@al-ice.service\n0::/\n';
  expect(unitIn(system)).toBe('rasend@al-ice.service');
  expect(unitIn('0::/user.slice/user-1000.slice/session-3.scope\n')).toBeNull();
  expect(unitIn('0::/user.slice/user@1000.service/rasen.slice/rasen-abc.service\n')).toBeNull();
});
