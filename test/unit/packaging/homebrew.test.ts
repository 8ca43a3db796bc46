/** The Homebrew formula: filled in, and Ruby that says what it should when Homebrew's words are played by a stand-in. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
// @ts-expect-error It is plain JavaScript, like all that builds packages.
import { formula } from '../../../packaging/homebrew/formula.mjs';

const root = join(import.meta.dirname, '../../..');
const sha256 = '0123456789abcdef'.repeat(4);
const url = 'https://example.com/rasen/rasen/releases/download/v1.2.3/rasen-1.2.3.tgz';
const hasRuby = spawnSync('ruby', ['--version']).status === 0;

/** As much of Homebrew as the formula uses; prints the calls that say what it is made of. */
const HOMEBREW = `
require "json"
$said = {}
class Pathname
  def install_symlink(*sources) = sources.each { |s| ($said["links"] ||= []) << (s.is_a?(Hash) ? s.keys : [s]).first.to_s }
  def write_env_script(target, env) = ($said["scripts"] ||= {})[basename.to_s] = [target.to_s, env[:PATH]]
end
class Formula
  def self.method_missing(name, *args, &block) = $said[name.to_s] = block ? Service.new.instance_eval(&block) && nil : args.first
  def self.test(&block) = $said["tested"] = true
  def self.service(&block) = Service.new.instance_eval(&block)
  def self.[](name) = Struct.new(:opt_bin).new("/brew/opt/#{name}/bin")
  def std_npm_args = ["--prefix=/brew/libexec"]
  def system(*args) = $said["system"] = args
  def libexec = Pathname.new("/brew/libexec")
  def bin = Pathname.new("/brew/bin")
  %w[man1 man5 man7 man8 bash_completion zsh_completion fish_completion].each { |n| define_method(n) { Pathname.new(n) } }
end
class Service
  def opt_bin = Pathname.new("/brew/opt/rasen/bin")
  def var = Pathname.new("/brew/var")
  def std_service_path_env = "/brew/bin:/usr/bin"
  def method_missing(name, *args, **more) = $said["service." + name.to_s] = args.empty? ? more : args.first
end
require "pathname"
eval(STDIN.read)
f = Rasen.new
f.install
$said["caveats"] = f.caveats
puts JSON.generate($said)
`;

describe('the formula', () => {
  test('has no mark left, and refuses what Homebrew would', () => {
    const text: string = formula({ version: '1.2.3', url, sha256 });
    expect(text).toMatch(/^class Rasen < Formula\n/);
    expect(text).not.toMatch(/@[A-Z0-9]+@/);
    expect(text).toContain('homepage "https://example.com/rasen/rasen"');
    const elsewhere = 'https://example.com/rasen.tgz';
    expect(text).not.toContain('version "');
    expect(formula({ version: '1.2.3', url: elsewhere, sha256 })).toContain('  version "1.2.3"\n');
    expect(formula({ version: '1.2.3', url: elsewhere, sha256 })).toContain(
      'homepage "https://example.com/"',
    );
    for (const wrong of [
      { version: 'v1' },
      { sha256: 'abc' },
      { url: 'http://example.com/x.tgz' },
      { url: 'https://example.com/#{x}' },
    ])
      expect(() => formula({ version: '1.2.3', url, sha256, ...wrong })).toThrow(/ is no /);
  });

  test.skipIf(!hasRuby)('installs what is in the package, and its service is rasend (needs ruby)', () => {
    const text = formula({ version: '1.2.3', url, sha256 });
    expect(spawnSync('ruby', ['-wc'], { input: text, encoding: 'utf8' })).toMatchObject({
      stdout: 'Syntax OK\n',
      stderr: '',
    });
    const { stdout, stderr } = spawnSync('ruby', ['-e', HOMEBREW], { input: text, encoding: 'utf8' });
    expect(stderr).toBe('');
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({
      url,
      sha256,
      depends_on: 'node@24',
      system: ['npm', 'install', '--prefix=/brew/libexec', '--omit=optional'],
      'service.run': ['/brew/opt/rasen/bin/rasend'],
      'service.keep_alive': true,
      'service.process_type': 'interactive',
      tested: true,
    });
    const folder = '/brew/libexec/lib/node_modules/rasen/';
    const { bin, man } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const scripts = Object.entries<string>(bin).map(([name, path]) => [
      name,
      [`${folder}${path}`, '/brew/opt/node@24/bin:$PATH'],
    ]);
    expect(said.scripts).toEqual(Object.fromEntries(scripts));
    const links: string[] = said.links.map((link: string) => link.slice(folder.length));
    expect(links.filter(link => link.startsWith('man/')).sort()).toEqual([...man].sort());
    for (const link of links) expect(existsSync(join(root, link)), link).toBe(true);
  });
});
