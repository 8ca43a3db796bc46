// What agents do that ends nights, each as one act of scripted-agent.mjs. Everything here has a bound of its own, so that
// a test whose subject fails leaves the machine as it was.
import { execFileSync, spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const LIFE_SECONDS = 120;
const MB = Buffer.alloc(1024 * 1024, 'x'.repeat(127).concat('\n'));
const gitDir = () => execFileSync('git', ['rev-parse', '--absolute-git-dir'], { encoding: 'utf8' }).trim();

/** One process after another, each of which makes the next: `sleep`s that nobody waits for. */
const FORKS = `i=0; while [ $i -lt "$1" ]; do (setsid sleep ${LIFE_SECONDS} &); i=$((i+1)); done; sleep ${LIFE_SECONDS}`;

const SERVER = `
const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
  require('node:fs').writeFileSync(process.argv[1], String(server.address().port));
});
setTimeout(() => process.exit(), ${LIFE_SECONDS} * 1000);
process.on('SIGTERM', () => {}); process.on('SIGHUP', () => {});`;

export const misbehaviours = {
  /** So many megabytes on standard output. */
  flood: megabytes => {
    // The output of an attempt is a file: a write is never partial.
    for (let i = 0; i < megabytes; i += 1) writeSync(1, MB);
  },
  /** Talks on, and gets nowhere. */
  chatter: async () => {
    for (const end = Date.now() + LIFE_SECONDS * 1000; Date.now() < end; ) {
      process.stdout.write('still thinking\n');
      await new Promise(resolve => setTimeout(resolve, 200));
    }
  },
  /** Works with the processor and says nothing, for so many milliseconds. */
  spin: ms => {
    for (const end = Date.now() + ms; Date.now() < end; );
  },
  /** A server in a session of its own that is deaf to SIGTERM and keeps the output open. Its port is in the file. */
  server: async portfile => {
    spawn(process.execPath, ['-e', SERVER, portfile], { detached: true, stdio: 'inherit' }).unref();
    while (!isFilled(portfile)) await new Promise(resolve => setTimeout(resolve, 10));
  },
  /** Writes where it has no business, and takes a refusal. */
  meddle: files => {
    for (const [path, text] of Object.entries(files)) {
      try {
        writeFileSync(path.replaceAll('{project}', process.env.RASEN_PROJECT), text);
      } catch (error) {
        if (error.code !== 'EACCES') throw error;
      }
    }
  },
  /** So many processes, each in a session of its own. */
  fork: count => {
    spawn('sh', ['-c', FORKS, 'sh', String(count)], { detached: true, stdio: 'ignore' }).unref();
  },
  /** Asks, and takes whatever answer there is: from standard input, then from the terminal. Says what it got. */
  ask: question => {
    process.stdout.write(`${question}\n`);
    const answers = [() => 0, () => openSync('/dev/tty', 'r')].map(open => {
      try {
        return readSync(open(), Buffer.alloc(1)) === 0 ? 'end' : 'text';
      } catch {
        return 'none';
      }
    });
    process.stdout.write(`answers: ${answers.join(' ')}\n`);
  },
  /** What a git that was killed leaves. */
  index_lock: () => writeFileSync(join(gitDir(), 'index.lock'), ''),
  corrupt_index: () => writeFileSync(join(gitDir(), 'index'), 'DIRC no index at all'),
  /** SIGKILL for the process that holds this session alone. */
  orphan: () => process.kill(process.ppid, 'SIGKILL'),
  /**
   * SIGKILL for all programs with this name, as `pkill -9 -f` would, but only of the instance that runs this agent: it
   * knows where that lives by its result file.
   */
  kill: name => {
    const home = process.env.RASEN_RESULT_FILE.split('/run/results/')[0];
    for (const pid of readdirSync('/proc').filter(entry => /^\d+$/.test(entry))) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        const mine = command.includes(home) || readFileSync(`/proc/${pid}/environ`, 'utf8').includes(home);
        if (mine && command.includes(name) && Number(pid) !== process.pid)
          process.kill(Number(pid), 'SIGKILL');
      } catch {
        // Gone, or not ours.
      }
    }
  },
};

function isFilled(path) {
  try {
    return readFileSync(path, 'utf8') !== '';
  } catch {
    return false;
  }
}
