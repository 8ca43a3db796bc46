/** The texts of the units: what each version of systemd gets, and that no path can break out of its line. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { instancePaths } from '../../../src/paths.ts';
import { gatewayAddress } from '../../../src/service/gateway-address.ts';
import type { ServiceMode, ServiceRequest } from '../../../src/service/service.ts';
import { environmentValue, programOf, word } from '../../../src/service/systemd/escape.ts';
import { addressIn, gatewayUnits } from '../../../src/service/systemd/gateway-units.ts';
import { FOLDERS } from '../../../src/service/systemd/names.ts';
import { servedSocket } from '../../../src/service/systemd/rivals.ts';
import { parseShow } from '../../../src/service/systemd/state.ts';
import { units } from '../../../src/service/systemd/units.ts';

const user = { name: 'alice', uid: 1500, gid: 1500, home: '/home/alice', shell: '/bin/bash' };

function request(mode: ServiceMode, env: NodeJS.ProcessEnv = {}): ServiceRequest {
  const runtime = mode === 'user' ? {} : { RASEN_RUNTIME_DIR: '/run/rasen/alice' };
  return {
    mode,
    user,
    launcher: '/opt/rasen/bin/rasend',
    path: '/usr/bin',
    umask: '027',
    rasen_home: env.RASEN_HOME ?? null,
    paths: instancePaths({ HOME: user.home, XDG_RUNTIME_DIR: '/run/user/1500', ...runtime, ...env }),
  };
}

/** The lines of a unit that say something, by the name of its file. */
function lines(of: ServiceRequest, version: number, name: string): string[] {
  const file = units(of, version).find(({ path }) => path.endsWith(`/${name}`))!;
  return file.text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
}

test('254 and newer have all, 253 no growing delay, older ones are told by a child', () => {
  const [old, middle, full] = [252, 253, 254].map(v => lines(request('user'), v, 'rasend.service'));
  expect(full).toEqual(
    expect.arrayContaining([
      'Type=notify-reload',
      'OpenFile=/run/user/1500/systemd/notify:sdnotify:graceful',
      'OpenFile=/run/systemd/journal/socket:journal:graceful',
      'RestartSteps=8',
    ]),
  );
  expect(middle).toContain('Type=notify-reload');
  expect(middle).toContain('RestartSec=5');
  expect(middle!.filter(line => /^Restart(Steps|Max)/.test(line))).toEqual([]);
  expect(old).toEqual(
    expect.arrayContaining(['Type=notify', 'NotifyAccess=all', 'ExecReload=/bin/kill -HUP $MAINPID']),
  );
  expect(old!.filter(line => /^(OpenFile|Restart(Steps|Max))|notify-reload/.test(line))).toEqual([]);
});

test.each(['user', 'system'] as const)('what tasks need stays open in the unit of the %s', mode => {
  const name = mode === 'user' ? 'rasend.service' : 'rasend@.service';
  const text = lines(request(mode), 257, name);
  expect(text).toEqual(
    expect.arrayContaining([
      'KillMode=process',
      'OOMPolicy=continue',
      'StartLimitIntervalSec=0',
      'Restart=always',
      'WatchdogSec=60',
      'ExecStart=/opt/rasen/bin/rasend',
      `Environment=RASEN_SERVICE=${mode}`,
    ]),
  );
  const harmful = /^(MemoryDenyWriteExecute|RestrictSUIDSGID|ProtectHome|PrivateTmp|RemoveIPC)=|=strict$/;
  expect(text.filter(line => harmful.test(line))).toEqual([]);
});

test('the files of a user', () => {
  expect(units(request('user'), 257).map(({ path, mode }) => [path, mode])).toEqual([
    ['/home/alice/.config/systemd/user/rasend.service', 0o644],
    ['/home/alice/.config/systemd/user/rasend.socket', 0o644],
    ['/home/alice/.config/systemd/user/rasen.slice', 0o644],
  ]);
  expect(lines(request('user'), 257, 'rasend.service')).toContain('UMask=027');
  expect(lines(request('user'), 257, 'rasend.service')).toContain(
    'EnvironmentFile=-%h/.config/rasen/service.env',
  );
  expect(lines(request('user'), 257, 'rasend.socket')).toContain('ListenStream=%t/rasen/rasend.sock');
});

test('of the system, only the drop-in knows the user', () => {
  const files = units(request('system'), 257);
  expect(files.map(({ path }) => path)).toEqual([
    '/etc/systemd/system/rasend@.service',
    '/etc/systemd/system/rasend@.socket',
    '/etc/systemd/system/rasend@alice.service.d/10-user-manager.conf',
    '/etc/systemd/user/rasen.slice',
  ]);
  expect(files.filter(({ text }) => /alice|1500/.test(text)).map(({ path }) => path)).toEqual([
    files[2]!.path,
  ]);
  expect(lines(request('system'), 257, '10-user-manager.conf')).toEqual([
    '[Unit]',
    'Wants=user@1500.service',
    'After=user@1500.service',
    'RequiresMountsFor=/home/alice',
    '[Service]',
    'Environment=XDG_RUNTIME_DIR=/run/user/1500',
    'UMask=027',
  ]);
});

test('an instance elsewhere keeps its place: RASEN_HOME, XDG folders', () => {
  const own = request('user', { RASEN_HOME: '/srv/a b/100%' });
  expect(lines(own, 257, 'rasend.service')).toContain('Environment="RASEN_HOME=/srv/a b/100%%"');
  expect(lines(own, 257, 'rasend.service')).toContain('EnvironmentFile=-/srv/a b/100%%/service.env');
  expect(lines(own, 257, 'rasend.socket')).toContain('ListenStream=/srv/a b/100%%/run/rasend.sock');
  const xdg = request('user', { XDG_STATE_HOME: '/data/state', XDG_CONFIG_HOME: '/data/config' });
  expect(lines(xdg, 257, 'rasend.service')).toEqual(
    expect.arrayContaining([
      'Environment=XDG_STATE_HOME=/data/state',
      'Environment=XDG_CONFIG_HOME=/data/config',
      'EnvironmentFile=-/data/config/rasen/service.env',
    ]),
  );
  for (const of of [own, xdg]) {
    const { text } = units(of, 257).find(({ path }) => path.endsWith('.socket'))!;
    expect(servedSocket(text, of, FOLDERS)).toBe(of.paths.socket);
  }
});

test.each([
  ['/opt/rasen/bin/rasend', '/opt/rasen/bin/rasend'],
  ['/opt/my apps/rasend', '"/opt/my apps/rasend"'],
  ['/opt/100%/rasend', '/opt/100%%/rasend'],
  ['/opt/$HOME/rasend', '/opt/$HOME/rasend'],
  ['/opt/;x/rasend', '"/opt/;x/rasend"'],
])('the program %s is written %s, and read back', (path, written) => {
  expect(word(path)).toBe(written);
  expect(programOf(`ExecStart=${written}\n`)).toBe(path);
});

test('a value of an environment file keeps quotes, backslashes, dollars', () => {
  expect(environmentValue('/a "b"\\$c`d')).toBe('"/a \\"b\\"\\\\\\$c\\`d"');
});

test('systemctl show is read without a locale: times count from the boot', () => {
  const text = [
    'LoadState=loaded',
    'UnitFileState=enabled',
    'ActiveState=active',
    'SubState=running',
    'MainPID=42',
    'ActiveEnterTimestampMonotonic=5000000',
    'StatusText=3 running, 0 waiting, 0 blocked',
  ].join('\n');
  const now = { wall_ms: Date.parse('2026-01-01T00:01:00Z'), monotonic_ms: 65_000 };
  expect(parseShow(text, now)).toEqual({
    loaded: true,
    masked: false,
    enabled: true,
    active: 'active',
    sub: 'running',
    pid: 42,
    said: '3 running, 0 waiting, 0 blocked',
    result: 'success',
    exit_status: 0,
    since: '2026-01-01T00:00:00.000Z',
  });
  expect(parseShow('', now)).toMatchObject({ loaded: false, pid: null, since: null, active: 'inactive' });
});

describe('the gateway', () => {
  const gatewayLines = (of: ServiceRequest, name: string) =>
    gatewayUnits(of, '127.0.0.1:15001')
      .find(({ path }) => path.endsWith(`/${name}`))!
      .text.split('\n')
      .filter(line => line !== '' && !line.startsWith('#'));

  test('of a user hides nothing, and its units are for everybody', () => {
    const files = gatewayUnits(request('user'), '127.0.0.1:15001');
    expect(files.map(({ path }) => path)).toEqual([
      '/home/alice/.config/systemd/user/rasen-gateway.service',
      '/home/alice/.config/systemd/user/rasen-gateway.socket',
    ]);
    expect(gatewayLines(request('user'), 'rasen-gateway.service')).toEqual(
      expect.arrayContaining([
        'Type=exec',
        'ExecStart=/opt/rasen/bin/rasen gateway $RASEN_GATEWAY_FLAGS',
        'Environment=RASEN_RUNTIME_DIR=%t/rasen',
        'EnvironmentFile=-%h/.config/rasen/service.env',
        'NoNewPrivileges=yes',
        'SystemCallFilter=@system-service',
      ]),
    );
    // Each of these takes a user namespace there, in which nobody knows who connects.
    const hides = /^(Private|Protect|TemporaryFileSystem|Bind|Inaccessible|ReadOnly)/;
    expect(gatewayLines(request('user'), 'rasen-gateway.service').filter(line => hides.test(line))).toEqual(
      [],
    );
    expect(gatewayLines(request('user'), 'rasen-gateway.socket')).toEqual(
      expect.arrayContaining([
        'ListenStream=127.0.0.1:15001',
        'ListenStream=%t/rasen/http.sock',
        'SocketMode=0600',
      ]),
    );
    expect(files.filter(({ text }) => /alice|1500\b/.test(text))).toEqual([]);
    expect(addressIn(files[1]!.text)).toBe('127.0.0.1:15001');
  });

  test('of the system has what is of its user in drop-ins', () => {
    const files = gatewayUnits(request('system'), '[::1]:15002');
    expect(files.filter(({ text }) => /alice|1500\d/.test(text)).map(({ path }) => path)).toEqual([
      '/etc/systemd/system/rasen-gateway@alice.service.d/10-user.conf',
      '/etc/systemd/system/rasen-gateway@alice.socket.d/10-address.conf',
    ]);
    expect(addressIn(files[3]!.text)).toBe('[::1]:15002');
    expect(gatewayLines(request('system'), '10-user.conf')).toEqual([
      '[Unit]',
      'RequiresMountsFor=/home/alice',
      '[Service]',
      'UMask=027',
      'TemporaryFileSystem=/home/alice/.local/state/rasen',
      'BindPaths=/home/alice/.local/state/rasen/gateway',
    ]);
    expect(gatewayLines(request('system'), 'rasen-gateway@.service')).toEqual(
      expect.arrayContaining(['User=%i', 'BindReadOnlyPaths=/run/rasen/%i', 'CapabilityBoundingSet=']),
    );
    expect(gatewayLines(request('system'), 'rasen-gateway@.service')).not.toContain('PrivateUsers=yes');
  });

  test('of another instance has its folders, and refuses one that a unit cannot name', () => {
    const own = request('user', { RASEN_HOME: '/srv/a b/100%' });
    expect(gatewayLines(own, 'rasen-gateway.service')).toEqual(
      expect.arrayContaining(['Environment="RASEN_HOME=/srv/a b/100%%"']),
    );
    expect(gatewayLines(own, 'rasen-gateway.socket')).toContain('ListenStream=/srv/a b/100%%/run/http.sock');
    const bad = request('system');
    bad.paths.home = '/srv/a:b';
    expect(() => gatewayUnits(bad, '127.0.0.1:15001')).toThrow(/colon/);
  });

  test.each([
    ['127.0.0.1:15001', '127.0.0.1:15001'],
    ['localhost:8080', '127.0.0.1:8080'],
    ['[::1]:15001', '[::1]:15001'],
  ])('at %s listens on %s', (asked, address) => {
    expect(gatewayAddress(asked)).toBe(address);
  });

  test.each(['0.0.0.0:15001', '192.168.0.1:80', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:99999', ':80', 'x'])(
    'is no service at %s',
    asked => {
      expect(() => gatewayAddress(asked)).toThrow(/cannot be a service/);
    },
  );
});

const analyze = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const version = Number(/^systemd (\d+)/.exec(analyze.stdout ?? '')?.[1]);

test.runIf(version > 0).each(['user', 'system'] as const)(
  'systemd-analyze says nothing about the units of the %s that it would get',
  mode => {
    const folder = mkdtempSync(join(tmpdir(), 'rs-'));
    try {
      const of = { ...request(mode), launcher: '/bin/rasend' };
      const all = [...units({ ...of, launcher: '/bin/true' }, version), ...gatewayUnits(of, '127.0.0.1:1')];
      // Its program is looked for.
      const files = all
        .map(file => ({ ...file, text: file.text.replace('/bin/rasen ', '/bin/true ') }))
        .map(file => {
          const path = join(folder, file.path.replace(/^.*\/(user|system)\//, ''));
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, file.text);
          return path;
        });
      const checked = files.filter(path => !path.endsWith('.conf'));
      const { stdout, stderr, error } = spawnSync('systemd-analyze', ['verify', '--man=no', ...checked], {
        encoding: 'utf8',
        env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` },
      });
      const about = `${stdout}${stderr}`.split('\n').filter(line => /rasen/.test(line));
      expect([error, about]).toEqual([undefined, []]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
