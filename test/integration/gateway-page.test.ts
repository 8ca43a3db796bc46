/**
 * The page in a real browser, as a person uses it: logged in by `rasen web`, live, with its buttons, on a phone and a
 * desk, dark and light, with axe looking for what keeps people out.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GatewayRig } from '../support/gateway.ts';
import { commandSpec, pipelineSpec, RASEN, until } from '../support/instance.ts';
import { SeedProject, WORKS } from '../support/scripted-agent.ts';

const CHROMIUM = '/usr/bin/chromium';
const LONG = 240_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What lines, titles and branches of others have in them. */
const XSS = [
  '<img src=x onerror="window.pwned=1">',
  '<script>window.pwned=1</script>',
  '"><svg onload=window.pwned=1>',
  'javascript:window.pwned=1',
  '\u001b]8;;javascript:window.pwned=1\u0007link\u001b]8;;\u0007',
  '{{constructor.constructor("window.pwned=1")()}}',
  '</pre></div><iframe srcdoc="<script>parent.pwned=1</script>">',
];

let browser: Browser;
let rig: GatewayRig;
let project: SeedProject | null = null;
const errors: string[] = [];

describe.skipIf(!existsSync(CHROMIUM))('the page', () => {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    });
  }, LONG);
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await rig.kill('SIGTERM');
    if (project) await project.close();
    else await rig.instance.close();
    project = null;
    expect(errors.splice(0)).toEqual([]);
  });

  /** A browser of its own that was logged in by `rasen web`. */
  async function open(options: { width?: number; dark?: boolean } = {}): Promise<Page> {
    const { width = 1440, dark = false } = options;
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', error => errors.push(String(error)));
    page.on('console', message => {
      // What was refused by the gateway while it was away is shown there as well.
      if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text()))
        errors.push(message.text());
    });
    const { stdout } = await rig.instance.rasenAsync(['web', '--no-open']);
    await page.goto(stdout.trim());
    await page.getByRole('navigation', { name: 'Main' }).waitFor();
    expect(page.url()).not.toContain('code');
    return page;
  }

  const submit = async (spec: object) => {
    const made = await rig.ask('/v1/tasks', { body: { spec, env: { PATH: process.env.PATH } } });
    expect(made.status, made.text).toBe(202);
    return made.json.task.id as string;
  };
  const over = (id: string) =>
    until(
      'the task is over',
      async () => (await rig.ask(`/v1/tasks/${id}`)).json.exit_code !== null,
      120_000,
    );

  /** By the debugger: the policy of the page lets nobody else evaluate anything. */
  async function inPage<T>(page: Page, expression: string): Promise<T> {
    const session = await page.context().newCDPSession(page);
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      ...{ expression, awaitPromise: true, returnByValue: true },
    });
    await session.detach();
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value as T;
  }

  const violations = (page: Page) =>
    inPage<string[]>(
      page,
      `(async () => { if (!globalThis.axe) { ${AXE} }
        const { violations } = await axe.run(document, { resultTypes: ['violations'] });
        return violations.map(({ id, nodes }) => id + ': ' + nodes.map(node => node.html).join(' ').slice(0, 500)); })()`,
    );

  const wide = (page: Page) =>
    inPage<number>(page, 'document.documentElement.scrollWidth - document.documentElement.clientWidth');

  test(
    'who is not logged in sees how to, and nothing of the tasks',
    async () => {
      rig = new GatewayRig();
      await rig.start();
      await submit(commandSpec(['true'], rig.instance.folder, { name: 'hidden-name' }));
      const page = await (await browser.newContext()).newPage();
      await page.goto(rig.url);
      await page.getByText('rasen web', { exact: true }).waitFor();
      expect(await page.content()).not.toContain('hidden-name');
      await page.goto(`${rig.url}/#code=wrong`);
      await page.reload();
      await page.getByRole('alert').waitFor();
    },
    LONG,
  );

  test(
    'the night is shown as it is, live, in both schemes and on both sizes, and axe finds nothing',
    async () => {
      rig = new GatewayRig();
      await rig.start();
      const { folder } = rig.instance;
      const flag = join(folder, 'go');
      const done = await submit(
        commandSpec(['sh', '-c', 'echo fine'], folder, { name: 'lint', goal: 'Run the linter' }),
      );
      const failed = await submit(
        commandSpec(['sh', '-c', 'echo broken; exit 1'], folder, { name: 'tests', goal: 'Run the tests' }),
      );
      await over(done);
      await over(failed);
      const running = await submit(
        pipelineSpec(
          [
            { id: 'build', title: 'Build it', do: { run: ['true'] } },
            {
              id: 'wait',
              title: 'Wait for the flag',
              needs: ['build'],
              do: {
                run: [
                  'sh',
                  '-c',
                  `i=0; while [ ! -e ${flag} ]; do i=$((i+1)); printf '\\033[32mok\\033[0m %s \\033[1mline\\033[0m\\n' $i; sleep 0.2; done`,
                ],
              },
            },
          ],
          folder,
          { name: 'nightly', goal: 'Build and wait' },
        ),
      );
      const shots = process.env.RASEN_TEST_SHOTS;
      if (shots) mkdirSync(shots, { recursive: true });
      for (const { width, dark } of [
        { width: 1440, dark: false },
        { width: 1440, dark: true },
        { width: 360, dark: false },
        { width: 360, dark: true },
      ]) {
        const page = await open({ width, dark });
        const shoot = async (name: string) => {
          expect(await violations(page), `${name} ${width} ${dark}`).toEqual([]);
          expect(await wide(page), `${name} at ${width} is wider than the screen`).toBe(0);
          if (shots)
            await page.screenshot({ path: join(shots, `${name}-${width}-${dark ? 'dark' : 'light'}.png`) });
        };
        for (const [group, name] of [
          ['Running', 'nightly'],
          ['Done', 'lint'],
          ['Failed', 'tests'],
        ] as const)
          await page.getByRole('region', { name: group, exact: true }).getByText(name).first().waitFor();
        await shoot('night');
        await page.getByRole('link', { name: /nightly/ }).click();
        await page.getByText('Wait for the flag').first().waitFor();
        await shoot('task');
        await page.getByRole('link', { name: 'Log', exact: true }).click();
        await page
          .getByRole('log')
          .getByText(/ok \d+ line/)
          .first()
          .waitFor();
        await shoot('log');
        await page.getByRole('link', { name: 'New task' }).click();
        await page.getByLabel('What is to be done').waitFor();
        await shoot('new');
        await page.getByRole('link', { name: 'Machine' }).click();
        await page.getByRole('region', { name: 'Doctor' }).getByText('supervisor').first().waitFor();
        await shoot('machine');
        await page.context().close();
      }
      const page = await open();
      writeFileSync(flag, '');
      await page.getByRole('region', { name: 'Done', exact: true }).getByText('nightly').waitFor();
      expect(await over(running)).toBe(true);
    },
    LONG * 2,
  );

  test(
    'services are shown as they are, with a way to them; so are groups, and what was handed over',
    async () => {
      rig = new GatewayRig();
      await rig.start();
      const { folder } = rig.instance;
      const server = join(import.meta.dirname, '../support/server.mjs');
      const keep = (name: string, ...flags: string[]) => [process.execPath, server, name, ...flags];
      const go = join(folder, 'go');
      const wait = `while [ ! -e ${go} ]; do sleep 0.1; done`;
      // Submitted from inside of the task: it is told there.
      const hands = `export HOME=${folder} RASEN_HOME=${rig.instance.home}; ${RASEN} run --background --name inner -- sh -c '${wait}' && ${wait}`;
      const service = { port: 'auto' };
      const id = await submit(
        pipelineSpec(
          [
            { id: 'web', title: 'Web server', do: { keep: keep('web') }, service },
            { id: 'db', title: 'Database', do: { keep: keep('db', '--waits') }, service },
            { id: 'work', title: 'Work with it', needs: ['web'], do: { run: ['sh', '-c', hands] } },
          ],
          folder,
          { name: 'site', goal: 'Try the site', group: 'night', priority: 3 },
        ),
      );
      const shots = process.env.RASEN_TEST_SHOTS;
      for (const { width, dark } of [
        { width: 1440, dark: false },
        { width: 360, dark: true },
      ]) {
        const page = await open({ width, dark });
        const services = page.getByRole('region', { name: 'Services' });
        const row = (title: string) => services.getByRole('listitem').filter({ hasText: title });
        await row('Web server').getByText('ready', { exact: true }).waitFor();
        await row('Database').getByText('not ready').waitFor();
        await row('Web server').getByRole('link', { name: 'site' }).waitFor();
        expect(await violations(page)).toEqual([]);
        expect(await wide(page)).toBe(0);
        if (shots)
          await page.screenshot({
            path: join(shots, `services-night-${width}-${dark ? 'dark' : 'light'}.png`),
          });
        await page.getByText('group night · priority 3 · 1 handed over').waitFor();
        await page.getByRole('region', { name: 'Running' }).getByRole('link', { name: /site/ }).click();
        const link = row('Web server').getByRole('link', { name: /^http:\/\/127\.0\.0\.1:\d+/ });
        const url = (await link.getAttribute('href'))!;
        expect(await (await fetch(url)).text()).toMatch(/^web \d+\n$/);
        await row('Web server').getByText(/since/).waitFor();
        await page.getByText('night', { exact: true }).waitFor();
        await page.getByText('Handed over (1)').waitFor();
        await page.getByRole('link', { name: 'inner' }).waitFor();
        expect(await violations(page)).toEqual([]);
        expect(await wide(page)).toBe(0);
        if (shots)
          await page.screenshot({
            ...{ path: join(shots, `services-task-${width}-${dark ? 'dark' : 'light'}.png`), fullPage: true },
          });
        await page.context().close();
      }
      // It changes while somebody looks.
      const page = await open();
      const row = page.getByRole('region', { name: 'Services' }).getByRole('listitem');
      await row.filter({ hasText: 'Database' }).getByText('not ready').waitFor();
      writeFileSync(join(folder, 'go-db'), '');
      await row.filter({ hasText: 'Database' }).getByText('ready', { exact: true }).waitFor();
      const { pid } = (await rig.ask(`/v1/tasks/${id}`)).json.subtasks.find(
        (step: { id: string }) => step.id === 'web',
      ).attempt;
      process.kill(pid, 'SIGKILL');
      await row.filter({ hasText: 'Web server' }).getByText('1 restart').waitFor();
      writeFileSync(go, '');
      await over(id);
      await page.goto(`${rig.url}/#/task/${id}`);
      await page.getByRole('region', { name: 'Services' }).getByText('stopped').first().waitFor();
    },
    LONG,
  );

  test(
    'each button does what it says, after it was asked once; what cannot be is told',
    async () => {
      project = new SeedProject({ config: { baseline: 'allow', limits: { attempts: 1 } } });
      const asks = [{ claim: { status: 'blocked', summary: 'Which colour?' } }];
      project.script({ token: [asks, asks, WORKS] });
      rig = new GatewayRig(project.instance);
      await rig.start();
      const page = await open();
      await page.getByRole('link', { name: 'New task' }).first().click();
      await page.getByLabel('Folder on this machine').fill(project.root);
      await page.getByLabel('What is to be done').fill('Make the token');
      await page.getByText('Plan', { exact: true }).click();
      await page
        .getByLabel('Subtasks in YAML')
        .fill('subtasks:\n  - id: token\n    description: Make the token\n');
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByRole('region', { name: 'Preview' }).getByText('sh check.sh').waitFor();
      await page.getByRole('button', { name: 'Start' }).click();
      const press = async (name: string, text?: string) => {
        await page.getByRole('button', { name, exact: true }).first().click();
        const dialog = page.getByRole('dialog', { name });
        if (text !== undefined) await dialog.getByRole('textbox').fill(text);
        await dialog.getByRole('button', { name, exact: true }).click();
        return dialog;
      };
      const state = (wanted: string) =>
        page.locator('main > .row .badge').getByText(wanted, { exact: true }).waitFor({ timeout: 400_000 });
      await state('blocked');
      await page.getByText('Which colour?').first().waitFor();
      await press('Answer', 'green');
      await state('completed');
      await page.getByRole('link', { name: 'Changes' }).click();
      await page.getByText('+done by session', { exact: false }).waitFor();
      // There is no remote, and that is said where it was asked for.
      const dialog = await press('Pull request');
      await dialog.getByRole('alert').getByText('origin').waitFor();
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      await press('Merge');
      await page.getByRole('link', { name: 'Plan' }).click();
      await page.getByText('into main').waitFor({ timeout: 400_000 });
      expect(project.git('show', 'main:token.txt')).toContain('done');
    },
    LONG * 2,
  );

  test(
    'a log of a thousand lines a second is followed, in a page of less than 100 kB; what it costs is printed',
    async () => {
      rig = new GatewayRig();
      await rig.start();
      const { folder } = rig.instance;
      const done = join(folder, 'done');
      const burst = `i=0; while [ ! -e ${done} ]; do for n in 0 1 2 3 4 5 6 7 8 9; do i=$((i+1)); echo "line $i of many, as a build prints them"; done; sleep 0.01; done; echo last`;
      const id = await submit(commandSpec(['sh', '-c', burst], folder));
      let bytes = 0;
      for (const path of ['/', '/page.js', '/page.css', '/icon.svg'])
        bytes += gzipSync((await rig.ask(path, { token: null })).text).length;
      expect(bytes).toBeLessThan(100 * 1024);
      const page = await open();
      const paint = await inPage<number>(
        page,
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1",
      );
      await page.goto(`${rig.url}/#/task/${id}/log`);
      await page
        .getByRole('log')
        .getByText(/line \d+ of many/)
        .first()
        .waitFor();
      await inPage(
        page,
        "window.longTasks = []; new PerformanceObserver(list => longTasks.push(...list.getEntries().map(e => e.duration))).observe({ type: 'longtask' })",
      );
      const counted = async () => {
        const texts = await page.getByRole('log').locator('.l-output').last().innerText();
        return Number(/line (\d+)/.exec(texts)?.[1] ?? 0);
      };
      const before = await counted();
      await until(
        'five thousand lines more are shown',
        async () => (await counted()) > before + 5000,
        120_000,
      );
      // A window over the log: the page does not grow with it.
      expect(await page.getByRole('log').locator('.l-output').count()).toBeLessThanOrEqual(2500);
      const long = await inPage<number[]>(page, 'longTasks');
      console.log(
        `page: ${(bytes / 1024).toFixed(1)} kB gzip, first paint ${Math.round(paint)} ms, ${long.length} long tasks over 5,000 lines (longest ${Math.round(Math.max(0, ...long))} ms)`,
      );
      writeFileSync(done, '');
      await over(id);
    },
    LONG,
  );

  test(
    'nothing that an agent or a repository says becomes a part of the page',
    async () => {
      rig = new GatewayRig();
      await rig.start();
      const { folder } = rig.instance;
      const file = join(folder, 'lines');
      writeFileSync(file, `${XSS.join('\n')}\nlast line\n`);
      const id = await submit(
        pipelineSpec(
          [{ id: 'x', title: XSS[0], description: XSS[2], do: { run: ['sh', '-c', `cat ${file}; exit 1`] } }],
          folder,
          {
            name: 'xss <b>',
            goal: XSS.join(' '),
          },
        ),
      );
      await over(id);
      const page = await open();
      await page.getByRole('link', { name: /xss <b>/ }).waitFor();
      for (const part of ['', '/log']) {
        await page.goto(`${rig.url}/#/task/${id}${part}`);
        await (part === ''
          ? page.locator('.step').getByText(XSS[0]!).first()
          : page.getByRole('log').getByText('last line')
        ).waitFor();
      }
      expect(await inPage(page, "'pwned' in window")).toBe(false);
      expect(
        await page
          .locator('main img, main iframe, main script, main svg[onload], main a[href^=javascript]')
          .count(),
      ).toBe(0);
    },
    LONG,
  );

  test(
    'a page that lost gateway and supervisor comes back by itself, and one that was logged out is out',
    async () => {
      rig = new GatewayRig();
      await rig.start();
      const { folder } = rig.instance;
      const [a, b] = [join(folder, 'a'), join(folder, 'b')];
      const id = await submit(
        commandSpec(
          [
            'sh',
            '-c',
            `echo first; while [ ! -e ${a} ]; do sleep 0.1; done; echo second; while [ ! -e ${b} ]; do sleep 0.1; done; echo third`,
          ],
          folder,
        ),
      );
      const page = await open();
      const other = await open({ width: 360 });
      for (const it of [page, other]) {
        await it.goto(`${rig.url}/#/task/${id}/log`);
        await it.getByRole('log').getByText('first').waitFor();
      }
      await rig.kill();
      await page.getByText('Reconnecting').waitFor();
      await rig.instance.kill();
      writeFileSync(a, '');
      await rig.instance.start();
      await rig.startGateway();
      writeFileSync(b, '');
      for (const it of [page, other]) {
        await it.getByRole('log').getByText('third').waitFor();
        const lines = await it.getByRole('log').locator('.l-output').allInnerTexts();
        expect(lines.map(line => line.replace(/^run/, '').trim())).toEqual(['first', 'second', 'third']);
      }
      const { sessions } = JSON.parse(rig.instance.rasen(['token', 'list', '--json']).stdout);
      expect(sessions).toHaveLength(2);
      for (const { name } of sessions) rig.instance.rasen(['token', 'revoke', name]);
      for (const it of [page, other]) await it.getByText('This browser is not logged in').waitFor();
    },
    LONG,
  );
});
