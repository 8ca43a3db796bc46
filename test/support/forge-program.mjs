/**
 * gh or glab, by the name it is called with: takes the arguments that rasen gives and no others, and answers as the real one
 * does in front of its API. What it holds is in FORGE_STATE: `logins` (hosts), `requests`, `calls`, and what it is to do
 * once (`lose`: the request is made and the answer lost).
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const program = basename(process.argv[1]);
const args = process.argv.slice(2);
const file = process.env.FORGE_STATE;
const state = JSON.parse(readFileSync(file, 'utf8'));
const save = () => writeFileSync(file, JSON.stringify(state));
const fail = (text, code = 1) => {
  save();
  console.error(text);
  process.exit(code);
};
state.calls.push([program, ...args].join(' '));
for (const name of state.forbidden) if (process.env[name]) fail(`${name} was handed to ${program}`, 99);
if (process.cwd() !== '/') fail('started inside of a repository', 99);

const takes = (...words) => {
  const given = args.splice(0, words.length);
  if (words.some((word, i) => (word instanceof RegExp ? !word.test(given[i] ?? '') : word !== given[i])))
    fail(`unexpected arguments: ${given.join(' ')} for ${words.join(' ')}`, 98);
  return given;
};
const HOST = /^[\w.-]+$/;

if (args[0] === 'auth') {
  const host = takes('auth', 'status', '--hostname', HOST)[3];
  if (args.length > 0) fail('too many arguments', 98);
  if (!state.logins.includes(`${program} ${host}`)) fail(`You are not logged into any accounts on ${host}`);
  save();
  process.exit(0);
}
const host = takes('api', '--hostname', HOST)[2];
if (!state.logins.includes(`${program} ${host}`)) fail('HTTP 401: Bad credentials');
const method = takes('--method', /^(GET|POST)$/)[1];
if (method === 'POST') takes('--header', 'Content-Type: application/json', '--input', '-');
const [path] = takes(/^[^-/]/);
if (args.length > 0) fail('too many arguments', 98);
const body = readFileSync(0, 'utf8');
const url = new URL(path, 'http://forge/');
const answer = value => {
  save();
  console.log(JSON.stringify(value));
  process.exit(0);
};
const branches = repo =>
  execFileSync('git', ['for-each-ref', '--format=%(refname:short)'], {
    cwd: join(state.root, `${repo}.git`),
    encoding: 'utf8',
  }).split('\n');
const add = (repo, request) => {
  const { source, target, title } = request;
  if (!title || !branches(repo).includes(source) || !branches(repo).includes(target))
    fail('HTTP 422: Validation Failed');
  if (state.requests.some(other => other.source === source)) fail('HTTP 422: a request exists already');
  const number = state.requests.length + 1;
  state.requests.push({ number, ...request });
  if (state.lose) {
    state.lose = false;
    fail('connection reset by peer');
  }
  return state.requests.at(-1);
};

if (program === 'gh') {
  const [, repo, rest] = /^\/repos\/([\w-]+\/[\w-]+)(\/pulls)?$/.exec(url.pathname) ?? fail('HTTP 404');
  const shown = ({ number, source }) => ({
    number,
    html_url: `https://${host}/${repo}/pull/${number}`,
    head: { ref: source },
  });
  if (!rest) answer({ default_branch: 'main' });
  if (method === 'POST') {
    const { head, base, title, body: text } = JSON.parse(body);
    answer(shown(add(repo, { source: head, target: base, title, text })));
  }
  const [owner, branch] = url.searchParams.get('head').split(':');
  if (owner !== repo.split('/')[0] || url.searchParams.get('state') !== 'all') fail('HTTP 400');
  answer(state.requests.filter(({ source }) => source === branch).map(shown));
}
const [, encoded, rest] =
  /^\/projects\/([^/]+)(\/merge_requests)?$/.exec(url.pathname) ?? fail('404 Not Found');
const repo = decodeURIComponent(encoded);
const shown = ({ number, source }) => ({
  iid: number,
  web_url: `https://${host}/${repo}/-/merge_requests/${number}`,
  source_branch: source,
});
if (!rest) answer({ default_branch: 'main' });
if (method === 'POST') {
  const { source_branch, target_branch, title, description } = JSON.parse(body);
  answer(shown(add(repo, { source: source_branch, target: target_branch, title, text: description })));
}
if (url.searchParams.get('state') !== 'all') fail('400 Bad request');
answer(state.requests.filter(({ source }) => source === url.searchParams.get('source_branch')).map(shown));
