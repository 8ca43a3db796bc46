/** The Debian package: its bytes, its content, and its life on a system (in a copy of this one that is thrown away). */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aptRepository } from '../../packaging/apt/repository.ts';
import { buildDeb } from '../../packaging/deb/build.ts';
import { changelog, newestIn } from '../../packaging/deb/changelog.ts';
import { debVersion } from '../../packaging/deb/control.ts';
import { sourceEpoch } from '../../packaging/deb/epoch.ts';
import { depends, installedRuntimes } from '../../packaging/deb/runtime.ts';
import { bundledPackages } from '../../packaging/licenses.ts';
import { ScratchRoot } from '../support/scratch-root.ts';

const root = join(import.meta.dirname, '../..');
const package_json = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const debian = has('dpkg-deb', '--version') && installedRuntimes(root).length > 0;
const scratch =
  debian &&
  process.getuid!() === 0 &&
  has('unshare', '--mount', '--pid', '--fork', 'true') &&
  has('nsenter', '-V');
const RUNTIME_ARCH = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];

let folder: string;
let deb: string;
const build = (out: string, version = package_json.version) => {
  mkdirSync(join(folder, out));
  return buildDeb({
    root,
    out: join(folder, out),
    runtime: installedRuntimes(root).find(runtime => runtime.arch === RUNTIME_ARCH)!,
    epoch: 1_700_000_000,
    compression: 'none',
    package_json: { ...package_json, version },
  });
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-deb-'));
  if (debian) deb = build('first');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!debian)('the package (skipped without dpkg-deb)', () => {
  it('is the same bytes each time, whatever the umask and the clock', () => {
    const sum = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    const umask = process.umask(0o077);
    try {
      expect(sum(build('second'))).toBe(sum(deb));
    } finally {
      process.umask(umask);
      rmSync(join(folder, 'second'), { recursive: true });
    }
  });

  it('holds programs, runtime, manual, completions and units, all of root', () => {
    const lines = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' }).trim().split('\n');
    const entries = lines.map(line => {
      const [mode, owner, , day, , path] = line.split(/ +/);
      return { mode: mode!, owner, day, path: path! };
    });
    expect(entries.filter(({ owner }) => owner !== 'root/root')).toEqual([]);
    expect(entries.filter(({ day }) => !/^2023-11-1[45]$/.test(day!))).toEqual([]);
    expect(entries.filter(({ mode }) => !/^(drwxr-xr-x|-rw[x-]r-[x-]r-[x-]|lrwxrwxrwx)$/.test(mode))).toEqual(
      [],
    );
    const files = entries.filter(({ mode }) => !mode.startsWith('d')).map(({ path }) => path.slice(1));
    for (const path of [
      '/usr/bin/rasen',
      '/usr/bin/rasend',
      '/usr/lib/rasen/bin/rasend',
      '/usr/lib/rasen/dist/rasend.cjs',
      '/usr/lib/rasen/dist/rasen-fence.cjs',
      '/usr/lib/rasen/dist/rasen-files.cjs',
      '/usr/lib/rasen/dist/rasen-session.cjs',
      '/usr/lib/rasen/dist/rasen-watch.cjs',
      '/usr/lib/rasen/dist/runner.sh',
      '/usr/lib/systemd/system/rasend@.service',
      '/usr/lib/systemd/system/rasend@.socket',
      '/usr/lib/systemd/user/rasen.slice',
      '/usr/lib/systemd/user/rasend.service',
      '/usr/lib/systemd/user/rasend.socket',
      '/usr/share/bash-completion/completions/rasen',
      '/usr/share/doc/rasen/changelog.gz',
      '/usr/share/doc/rasen/copyright',
      '/usr/share/doc/rasen/examples/logrotate/rasend-system.conf',
      '/usr/share/fish/vendor_completions.d/rasen.fish',
      '/usr/share/man/man1/rasen.1.gz',
      '/usr/share/man/man5/rasen.yml.5.gz',
      '/usr/share/man/man7/rasen-protocol.7.gz',
      '/usr/share/man/man8/rasend.8.gz',
      '/usr/share/zsh/vendor-completions/_rasen',
    ])
      expect(files).toContain(path);
    expect(files.filter(path => /meta\.json|\.map$|\.ts$/.test(path))).toEqual([]);
  });

  it('has units for every user and every systemd: none of one user, none of the newest only', () => {
    const unit = (path: string) => {
      const args = ['-c', `dpkg-deb --fsys-tarfile '${deb}' | tar -xO ./usr/lib/systemd/${path}`];
      return execFileSync('sh', args, { encoding: 'utf8' });
    };
    const user = unit('user/rasend.service');
    const system = unit('system/rasend@.service');
    for (const text of [user, system]) {
      expect(text).toMatch(/^Type=notify$/m);
      expect(text).toMatch(/^Documentation=man:rasend\(8\)/m);
      expect(text).toMatch(/^ExecStart=\/usr\/bin\/rasend$/m);
      expect(text, 'the user manager has its umask from PAM').not.toMatch(/^UMask=/m);
      expect(text).not.toMatch(/OpenFile|RestartSteps|notify-reload|\/home\/|\/run\/user\//);
      expect(text, 'is not taken for one that `rasen service install` may write anew').not.toContain(
        'rasen service install',
      );
    }
    expect(unit('user/rasend.socket')).toMatch(/^ListenStream=%t\/rasen\/rasend\.sock$/m);
    expect(unit('system/rasend@.socket')).toMatch(/^ListenStream=\/run\/rasen\/%i\/rasend\.sock$/m);
  });

  it('has the licence of everything that is in it', () => {
    const text = execFileSync('sh', [
      '-c',
      `dpkg-deb --fsys-tarfile '${deb}' | tar -xO ./usr/share/doc/rasen/copyright`,
    ]).toString();
    const bundled = bundledPackages(JSON.parse(readFileSync(join(root, 'dist/meta.json'), 'utf8')));
    expect(bundled).toEqual(expect.arrayContaining(['commander', 'node-ipc', 'pino', 'yaml', 'zod']));
    for (const name of [...bundled, 'Node.js']) expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
    expect(text).not.toContain('\r');
  });
});

describe('what is told to dpkg', () => {
  it('is what the runtime links to', () => {
    expect(depends(Buffer.from('\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.4\0libatomic.so.1\0'))).toEqual([
      'libc6 (>= 2.34)',
      'libatomic1',
    ]);
    expect(() => depends(Buffer.from('a binary for another libc'))).toThrow(/names no version of glibc/);
  });

  it('is a changelog whose first entry is of this version, also of one that nobody has written about yet', () => {
    const written = changelog(root, package_json, 0);
    expect(newestIn(written), 'packaging/deb/changelog has an entry for the version').toBe(
      debVersion(package_json.version),
    );
    const between = changelog(root, { ...package_json, version: '99.0.0-rc.1' }, 0);
    expect(newestIn(between)).toBe('99.0.0~rc.1');
    expect(between.endsWith(`\n\n${written}`)).toBe(true);
    expect(between).toMatch(/^ -- .+ <.+> {2}Thu, 01 Jan 1970 00:00:00 \+0000$/m);
  });

  it('sorts a pre-release before its release', () => {
    expect(debVersion('1.0.0-rc.1')).toBe('1.0.0~rc.1');
    expect(debVersion('1.0.0')).toBe('1.0.0');
  });

  it('takes its time from the environment or the last commit, never from the clock', () => {
    expect(sourceEpoch(root, { SOURCE_DATE_EPOCH: '1234' })).toBe(1234);
    expect(() => sourceEpoch(root, { SOURCE_DATE_EPOCH: 'yesterday' })).toThrow(/seconds since 1970/);
    expect(sourceEpoch(folder, {})).toBe(sourceEpoch(folder, {}));
  });
});

describe.skipIf(!scratch)(
  'on a system (skipped without root, namespaces or dpkg)',
  { timeout: 400_000 },
  () => {
    let system: ScratchRoot;
    beforeEach(async () => {
      const mount = mkdtempSync(join(folder, 'mount-'));
      system = await ScratchRoot.make(mount, folder);
    });
    afterEach(() => system.end());

    const ok = (...argv: string[]) => {
      const { status, stdout, stderr } = system.run(argv);
      expect(status, `${argv.join(' ')}\n${stdout}${stderr}`).toBe(0);
      return stdout.trim();
    };
    /** Without syncing and without man-db's index of all pages: this system is thrown away. */
    const dpkg = (...args: string[]) => ok('dpkg', '--force-unsafe-io', '--no-triggers', ...args);
    const install = (path: string) =>
      dpkg('--install', join('/mnt', basename(join(path, '..')), basename(path)));
    const sh = (script: string) => ok('sh', '-ec', script);
    /** What dpkg and the programs that it starts keep for themselves. */
    const ours = () => system.changes().filter(path => !/^-?\/var\/(lib\/dpkg|log|cache)\//.test(path));

    it('it installs, works, is upgraded, removed, and leaves nothing', () => {
      expect(ours()).toEqual([]);
      install(deb);
      expect(ok('rasen', '--version')).toContain(package_json.version);
      expect(ok('rasend', '--version')).toContain(package_json.version);
      for (const page of ['rasen.1', 'rasend.8', 'rasen.yml.5', 'rasen-protocol.7']) {
        const [, name, section] = /(.*)\.(\d)/.exec(page)!;
        expect(ok('man', '-w', section!, name!)).toContain(`man${section}/${page}.gz`);
      }
      expect(ok('dpkg', '--verify', 'rasen'), 'checksums fit').toBe('');
      sh(`HOME=/tmp/home RASEN_HOME=/tmp/home/rasen; export HOME RASEN_HOME; mkdir -p /tmp/home; cd /tmp/home
      rasen run -- sh -c 'echo it works >proof'; grep -q 'it works' proof
      kill "$(cat rasen/run/rasend.pid)"`);

      const newer = build('newer', '99.0.0');
      install(newer);
      rmSync(join(folder, 'newer'), { recursive: true });
      expect(ok('dpkg-query', '--show', '--showformat', '$' + '{Status} $' + '{Version}', 'rasen')).toBe(
        'install ok installed 99.0.0',
      );

      dpkg('--remove', 'rasen');
      expect(ours(), 'it has no configuration of its own to keep').toEqual([]);
      dpkg('--purge', 'rasen');
      expect(ours()).toEqual([]);
    });

    it.skipIf(!has('systemd-analyze', '--version'))('its units are as systemd wants them', () => {
      install(deb);
      const verify = (...args: string[]) => {
        const ran = system.run(['systemd-analyze', 'verify', ...args], { XDG_RUNTIME_DIR: '/run' });
        return ran.stdout + ran.stderr;
      };
      expect(verify('--user', '/usr/lib/systemd/user/rasend.service')).not.toMatch(/rasen/);
      expect(verify('/usr/lib/systemd/system/rasend@root.service')).not.toMatch(/rasen/);
    });

    it('a removal ends supervisors without a service manager, and tells of units in homes; what hangs there holds nothing up', () => {
      install(deb);
      sh(`echo 'eve:x:4242:4242::/tmp/eve:/bin/sh' >>/etc/passwd
      echo 'mallory:x:4243:4243::/tmp/mallory:/bin/sh' >>/etc/passwd
      for user in eve mallory; do mkdir -p /tmp/$user/.config/systemd/user; done
      echo 'ExecStart=/usr/lib/rasen/bin/rasend' >/tmp/eve/.config/systemd/user/rasend.service
      mkfifo /tmp/mallory/.config/systemd/user/rasend.service
      HOME=/tmp/home RASEN_HOME=/tmp/home/rasen; export HOME RASEN_HOME; mkdir -p /tmp/home; cd /tmp/home
      rasen run --background --name on -- sleep 600`);
      const pid = sh('cat /tmp/home/rasen/run/rasend.pid');
      sh(`printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d`);
      expect(sh('/usr/lib/rasen/deb/services stop')).toContain('policy-rc.d forbids to stop rasend');
      sh(`kill -0 ${pid}; rm /usr/sbin/policy-rc.d`);
      const said = dpkg('--remove', 'rasen');
      expect(said).toMatch(new RegExp(`ending supervisors without a service manager \\(PID ${pid}\\)`));
      expect(said).toMatch(/eve \(uid 4242\) has rasend enabled/);
      expect(said).not.toMatch(/mallory/);
      // Nobody collects it in there, so its number may stay; its program does not.
      expect(system.run(['readlink', `/proc/${pid}/exe`]).stdout, 'it has ended').toBe('');
    });

    it.skipIf(!has('gpg', '--version'))(
      'apt installs it from the repository that `npm run package` lays out, and refuses one that was changed',
      () => {
        const env = { ...process.env, GNUPGHOME: join(folder, 'gnupg') };
        mkdirSync(env.GNUPGHOME, { mode: 0o700 });
        const words = [
          '--batch',
          '--passphrase',
          '',
          '--quick-gen-key',
          'rasen test',
          'ed25519',
          'sign',
          'never',
        ];
        execFileSync('gpg', words, { env, stdio: 'pipe' });
        try {
          const repository = join(folder, 'apt');
          aptRepository({ folder: repository, debs: [deb], epoch: 1_700_000_000, key: 'rasen test', env });
          chmodSync(folder, 0o755);
          sh(`mkdir -p /tmp/lists/partial /tmp/cache/archives/partial
        echo 'deb [signed-by=/mnt/apt/rasen-archive-keyring.gpg] file:/mnt/apt stable main' >/tmp/rasen.list`);
          const options = [
            'Dir::Etc::sourcelist=/tmp/rasen.list',
            'Dir::Etc::sourceparts=-',
            'Dir::State::lists=/tmp/lists',
          ]
            .concat(['Dir::Cache=/tmp/cache', 'APT::Sandbox::User=root', 'DPkg::Options::=--force-unsafe-io'])
            .flatMap(option => ['-o', option]);
          ok('apt-get', ...options, 'update');
          ok('apt-get', ...options, 'install', '--yes', '--no-install-recommends', 'rasen');
          expect(ok('rasen', '--version')).toContain(package_json.version);
          const index = join(repository, 'dists/stable/main', `binary-${RUNTIME_ARCH}`, 'Packages');
          for (const path of [index, `${index}.gz`]) writeFileSync(path, 'Package: other\n');
          sh('rm -rf /tmp/lists; mkdir -p /tmp/lists/partial');
          const { status, stderr } = system.run(['apt-get', ...options, 'update']);
          expect([status, stderr]).toEqual([100, expect.stringMatching(/Hash Sum mismatch|unexpected size/)]);
        } finally {
          spawnSync('gpgconf', ['--kill', 'all'], { env });
        }
      },
    );

    it('a purge takes what was enabled and written for it, and nothing of another installation', () => {
      const template = '/etc/systemd/system/rasend@.service';
      const leave = (launcher: string) =>
        sh(`mkdir -p /etc/systemd/system/multi-user.target.wants /etc/systemd/system/rasend@alice.service.d /etc/rasen
        echo 'ExecStart=${launcher}' >${template}
        ln -s ${template} /etc/systemd/system/multi-user.target.wants/rasend@alice.service
        echo x >/etc/systemd/system/rasend@alice.service.d/10-user-manager.conf
        echo x >/etc/systemd/user/rasen.slice
        echo x >/etc/rasen/alice.env`);
      install(deb);
      leave('/usr/lib/rasen/bin/rasend');
      dpkg('--remove', 'rasen');
      expect(ours().filter(path => path.includes('.wants/'))).toEqual([]);
      expect(ours(), 'configuration stays until the purge').toContain('/etc/rasen/alice.env');
      dpkg('--purge', 'rasen');
      expect(ours()).toEqual([]);

      install(deb);
      leave('/opt/rasen/bin/rasend');
      const before = ours().filter(path => path.startsWith('/etc/'));
      dpkg('--purge', 'rasen');
      expect(ours()).toEqual(before);
    });
  },
);
