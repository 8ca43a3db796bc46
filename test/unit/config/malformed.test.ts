/** Bad files: each gives one RasenError that names file, line and column; never another exception, never silence. */
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig, readPlanFile } from '../../../src/config/index.ts';
import { project, refusal } from './support.ts';

let count = 0;

/** Text of rasen.yml, what the error must say (with `line:column`). */
const CONFIGS: [string, string][] = [
  // Unknown keys.
  [
    'orchestrator:\n  max_iteration: 3',
    '2:3: orchestrator.max_iteration: unknown key; did you mean "max_iterations"?',
  ],
  [
    'max_iterations: 3',
    '1:1: max_iterations: unknown key; did you mean "orchestrator.max_iterations" or "qa.max_iterations"?',
  ],
  ['Parallel: 3', 'did you mean "parallel"?'],
  ['agents:\n  codr: {model: x}', '2:3: agents.codr: unknown key; did you mean "coder"?'],
  ['agents: {coder: {enabled: true}}', '1:18: agents.coder.enabled: unknown key'],
  ['"": 1', '1:1: unknown key'],
  ['zebra: {a: 1}', '1:1: zebra: unknown key'],
  ['orchestrator.max_iterations: 3', '1:1: orchestrator.max_iterations: unknown key'],
  ['__proto__: {a: 1}', '1:1: __proto__: unknown key'],
  ['constructor: 1', '1:1: constructor: unknown key'],
  ['project: {toString: 1}', '1:11: project.toString: unknown key'],
  ['1: 2', '1:1: 1: unknown key'],
  ['true: 2', '1:1: true: unknown key'],
  ['orchestrator: {"max iterations": 3}', 'did you mean "max_iterations"?'],
  ['limits: {attemps: 3}', 'did you mean "attempts"?'],
  ['gates:\n  - {run: [a], timout: 3}', '2:16: gates[0].timout: unknown key; did you mean "timeout"?'],
  ['gates:\n  - {command: [a]}', 'did you mean "run"?'],
  // Wrong kinds.
  ['orchestrator: 3', '1:15: orchestrator: found 3, wanted a map with: max_iterations'],
  ['orchestrator: [1]', '1:15: orchestrator: found a list, wanted a map'],
  [
    'orchestrator:\n  max_iterations: many',
    '2:19: orchestrator.max_iterations: found "many", wanted a whole number from 1',
  ],
  ['orchestrator: {max_iterations: 0}', 'found 0, wanted a whole number from 1 to 100000'],
  ['orchestrator: {max_iterations: -1}', 'found -1'],
  ['orchestrator: {max_iterations: 1.5}', 'found 1.5'],
  ['orchestrator: {max_iterations: 1e9}', 'found 1e9'],
  ['orchestrator: {max_iterations: "5"}', 'found "5"'],
  ['orchestrator: {max_iterations: true}', 'found true'],
  ['orchestrator: {max_iterations: .inf}', 'found .inf'],
  ['orchestrator: {max_iterations: .nan}', 'found .nan'],
  ['orchestrator: {max_iterations: }', 'found nothing'],
  ['orchestrator: {max_iterations: [5]}', 'found a list'],
  ['orchestrator: {max_iterations: {a: 5}}', 'found a map'],
  ['orchestrator: {max_iterations: 99999999999999999999999}', 'wanted a whole number'],
  [
    'orchestrator: {max_runtime_seconds: 0}',
    '(more than 0) or a duration such as 90s, 10m, 1h30m, 2d, or null (no limit)',
  ],
  ['orchestrator: {session_timeout_seconds: 10 minutes}', 'found "10 minutes"'],
  ['orchestrator: {session_timeout_seconds: 30m1h}', 'found "30m1h"'],
  ['orchestrator: {session_timeout_seconds: ""}', 'found ""'],
  ['orchestrator: {idle_timeout_seconds: -5m}', 'found "-5m"'],
  ['orchestrator: {idle_timeout_seconds: 400d}', 'found "400d"'],
  ['orchestrator: {session_delay_seconds: null}', 'found nothing'],
  ['orchestrator: {session_delay_seconds: true}', 'found true'],
  [
    'worktree: {enabled: yes}',
    '1:21: worktree.enabled: found "yes", wanted true or false; did you mean true?',
  ],
  ['worktree: {enabled: 1}', 'found 1, wanted true or false'],
  ['worktree: {enabled: "true"}', 'found "true", wanted true or false'],
  ['worktree: {base_path: ""}', 'found ""'],
  ['worktree: {base_path: .}', 'must be a folder of its own'],
  ['worktree: {base_path: .git/worktrees}', 'outside .git'],
  ['models: x', 'found "x", wanted a map with: default'],
  ['models: {coder: [a]}', 'found a list'],
  ['models: {coder: ""}', 'found ""'],
  [`models: {coder: ${'m'.repeat(201)}}`, 'wanted a model name of 1 to 200 characters'],
  ['project: {name: ~, root: 3x}', 'is not a folder'],
  ['stall_detection: {circular_fix_threshold: 3}', 'a number from 0 to 1'],
  ['stall_detection: {circular_fix_threshold: "0.3"}', 'found "0.3"'],
  ['memory: {max_decisions: 101}', 'from 0 to 100'],
  ['memory: {path: /etc/passwd}', 'a relative path inside the project'],
  ['memory: {path: ../memories.md}', 'a relative path inside the project'],
  ['memory: {path: .git/config}', 'is inside .git'],
  ['background: {pid_file: rasen.yml}', 'is the file of the configuration'],
  ['background: {pid_file: .rasen/./status.json}', 'status.json is the file of background.pid_file'],
  ['background: {log_file: .rasen/implementation_plan.json}', 'another view'],
  ['background: {log_file: .rasen/prompts/coder.md}', 'is among the prompts'],
  ['background: {log_file: logs/}', 'names a folder'],
  [
    'agents: {reviewer: {read_only: false}}',
    '1:32: agents.reviewer.read_only: found false, but only true is possible',
  ],
  ['agents: {qa: {read_only: no}}', 'only true is possible'],
  ['agents: {coder: {read_only: true}}', 'only false is possible'],
  ['agents: {coder: {prompt: nowhere.md}}', '1:26: agents.coder.prompt: nowhere.md: no such file'],
  ['agents: {coder: {prompt: 5}}', 'no such file'],
  [
    'agent: claude -p',
    '1:8: agent.command: found "claude -p", wanted a list of words such as [npm, test]; did you mean [claude, -p]?',
  ],
  ['agent: []', 'names no program'],
  ['agent: ["", x]', 'names no program'],
  ['agent: {command: [a, [b]]}', 'found a list, wanted a word of a command'],
  ['agent: {command: [a, ~]}', '1:22: agent.command: found nothing'],
  ['agent: {command: {a: b}}', 'found a map'],
  ['agent: {max_thinking_tokens: -1}', 'found -1'],
  ['setup: npm ci', 'did you mean [npm, ci]?'],
  ['setup: "a && b | c"', 'wanted a list of words such as [npm, test]'],
  [
    'gates: [npm, test]',
    '1:8: gates: found a list of words, wanted a list of gates; did you mean [[npm, test]]?',
  ],
  ['gates:\n  - npm test', 'wanted a list of gates'],
  ['gates: []', 'is an empty list; write "gates: none"'],
  ['gates: no', 'found "no", wanted a list of gates'],
  ['gates: true', 'found true'],
  ['gates: ~', 'found nothing'],
  ['gates: {run: [a]}', 'found a map, wanted a list of gates'],
  ['gates:\n  - {name: x}', '2:5: gates[0]: has no "run"'],
  ['gates:\n  - {run: npm test}', 'did you mean [npm, test]?'],
  ['gates:\n  - {run: [a], ok: 256}', 'gates[0].ok: found 256, wanted a whole number from 0 to 255'],
  ['gates:\n  - {run: [a], ok: []}', 'no exit code would pass'],
  ['gates:\n  - {run: [a], ok: [0, x]}', '2:24: gates[0].ok: found "x"'],
  ['gates:\n  - {run: [a], timeout: 2d}', 'one day at most'],
  ['gates:\n  - {run: [a], timeout: 1m, timeout_seconds: 60}', 'says the same as "timeout"'],
  ['gates:\n  - {run: [a], name: ""}', 'a name of 1 to 80 characters'],
  [`gates: [${'[a],'.repeat(51)}]`, 'has 51 gates; at most 50'],
  ['parallel: 0', 'from 1 to 64'],
  ['parallel: 65', 'from 1 to 64'],
  ['baseline: maybe', 'found "maybe", wanted "require" or "allow"'],
  ['protected: src', 'found "src", wanted a list of paths'],
  ['protected: [""]', 'a path or pathspec'],
  ['protected: [":!src"]', 'excludes; name only what is protected'],
  ['protected: [":(exclude)src"]', 'excludes'],
  ['limits: {output_max: 1kb}', 'at least 4096 bytes'],
  ['limits: {output_max: 10 elephants}', 'found "10 elephants"'],
  ['limits: {wait: on}', 'did you mean true?'],
  ['limits: {max_waits: 0}', 'from 1 to 100'],
  ['limits: {max_wait: forever}', 'found "forever"'],
  ['limits: {login_retry: 0.5}', 'wanted from 1s to 1d'],
  ['limits: {quiet_hours: 8-18}', 'found "8-18", wanted times of day such as "08:00-18:00"'],
  ['limits: {quiet_hours: ["08:00-08:00"]}', 'wanted times of day'],
  ['limits: {quiet_hours: ["00:00-12:00", "12:00-00:00"]}', 'leave nothing of the day'],
  ['notify: {webhook: example.org}', 'begins with http:// or https://'],
  ['notify: {webhook: "https://me:word@example.org"}', 'has a login in it'],
  ['notify: {on: [completion]}', 'found "completion"'],
  ['notify: {command: tell me}', 'did you mean [tell, me]?'],
  ['log: {max_size: -1}', 'found -1'],
  ['auto_resume: maybe', 'wanted true or false'],
  // Contradictions.
  [
    'session: {max_iterations: 3}\norchestrator: {max_iterations: 4}',
    '2:16: orchestrator.max_iterations: contradicts "session.max_iterations" in line 1',
  ],
  ['agent: {model: a}\nmodels: {default: b}', 'contradicts "agent.model"'],
  ['review: {max_loops: 1, max_iterations: 2}', 'contradicts "review.max_loops"'],
  // YAML.
  ['a: 1\na: 2', '2:1: a: is written twice; the first one is in line 1'],
  ['parallel: 1\n"parallel": 2', '2:1: parallel: is written twice'],
  ['project:\n\tname: x', '2:1: a tab is used as indentation'],
  ['a: [1, 2', 'not valid YAML'],
  ['a: "unclosed', 'not valid YAML'],
  ['a: b: c', 'not valid YAML'],
  ['- a\nb: 1', 'not valid YAML'],
  ['a: 1\n---\nb: 2', '2:1: has a second document'],
  ['%YAML 1.1\n---\nparallel: 2', 'directives'],
  ['%TAG ! !x-\n---\nparallel: 2', 'directives'],
  ['x: &a {b: 1}\ny:\n  <<: *a', '3:3: <<: merge keys are not supported'],
  ['parallel: *none', 'has no anchor before it'],
  ['project: &p\n  name: *p', 'refers to itself'],
  ['parallel: !!binary aGk=', '!!binary is not supported'],
  ['parallel: !custom 3', 'not valid YAML'],
  ['project: !!set {name}', '!!set is not supported'],
  ['? [a, b]\n: 1', '1:3: a key must be a plain word'],
  ['? {a: b}\n: 1', 'a key must be a plain word'],
  ['*a : 1', 'a key must be a plain word'],
  ['~: 1', 'a key must be a plain word'],
  ['- parallel', '1:1: found a list, wanted a map of keys'],
  ['just words', '1:1: found "just words", wanted a map of keys'],
  ['42', 'found 42'],
  ['parallel: 1\n\0', '2:1: contains a NUL character'],
  ['setup: ["a\\0b"]', '1:9: contains a character that is no text'],
  ['setup: ["\\ud800"]', '1:9: contains a character that is no text'],
  ['@@@', 'not valid YAML'],
  ['<<<<<<< HEAD\nparallel: 1\n=======\nparallel: 2\n>>>>>>> x', 'not valid YAML'],
  [`parallel: ${'['.repeat(200)}`, 'nested deeper than 32 levels'],
  [`${'{a: '.repeat(5000)}`, 'nested deeper than 32 levels'],
  [`${'- '.repeat(5000)}`, 'nested deeper than 32 levels'],
  [Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'nested deeper than 32 levels'],
];

const S = 'subtasks:\n';

/** Text of a plan file, what the error must say, and perhaps the name of the file. */
const PLANS: [string, string, string?][] = [
  ['', '1:1: is empty; a plan needs "subtasks"'],
  ['# only a comment', 'is empty'],
  ['[]', 'found an empty list, wanted a plan'],
  ['text', 'found "text", wanted a plan'],
  ['{}', '1:1: subtasks: is missing'],
  ['name: x', 'subtasks: is missing'],
  ['subtasks:', '1:1: subtasks: is missing'],
  ['subtasks: []', 'has no subtasks'],
  ['subtasks: {}', 'has no subtasks'],
  ['subtasks: 5', 'found 5, wanted a list of subtasks'],
  ['tasks: []', 'did you mean "subtasks"?'],
  ['subtask: []', 'did you mean "subtasks"?'],
  ['{"subtasks": [', 'not valid YAML'],
  [`${S}  - npm test`, '2:5: subtasks[0]: found "npm test", wanted a subtask'],
  [`${S}  - [npm, test]`, 'found a list, wanted a subtask'],
  [`${S}  - {run: [a]}`, '2:5: subtasks[0]: has no "id"'],
  [`${S}  - {id: a}`, 'says nothing to do'],
  [
    `${S}  - {id: A_b, run: [a]}`,
    '2:10: subtasks[0].id: "A_b": an id is 1–40 of a–z, 0–9, "-" and "." and starts with a letter or digit; did you mean "a-b"?',
  ],
  [`${S}  - {id: "", run: [a]}`, 'an id of 1 to 200'],
  [`${S}  - {id: ../x, run: [a]}`, 'subtasks[0].id'],
  [`${S}  - {id: a..b, run: [a]}`, 'subtasks[0].id'],
  [`${S}  - {id: x.lock, run: [a]}`, 'must not end in ".lock"'],
  [`${S}  - {id: ${'x'.repeat(41)}, run: [a]}`, 'subtasks[0].id'],
  [`${S}  - {id: [a], run: [a]}`, 'found a list'],
  [
    `${S}  - {id: a, run: npm test}`,
    '2:18: subtasks[0].run: found "npm test", wanted a list of words such as [npm, test]; did you mean [npm, test]?',
  ],
  [`${S}  - {id: a, run: []}`, 'names no program'],
  [`${S}  - {id: a, run: ~}`, 'subtasks[0].run: found nothing'],
  [`${S}  - {id: a, shell: true, run: [a]}`, 'is a list of words; "shell: true" wants a text'],
  [`${S}  - {id: a, shell: true, run: "  "}`, 'wanted a command'],
  [`${S}  - {id: a, shell: true, description: x}`, 'is for "run" and "keep" only'],
  [`${S}  - {id: a, shell: maybe, run: [a]}`, 'wanted true or false'],
  [`${S}  - {id: a, run: [a], agent: coder}`, '"run" is written too; a subtask does one thing'],
  [`${S}  - {id: a, do: {run: [a]}, run: [a]}`, '"do" is written too'],
  [`${S}  - {id: a, do: {run: [a], agent: coder}}`, 'exactly one of "run", "keep" and "agent"'],
  [`${S}  - {id: a, do: {}}`, 'exactly one of "run", "keep" and "agent"'],
  [`${S}  - {id: a, do: [x]}`, 'found a list, wanted a map with run, keep or agent'],
  [`${S}  - {id: a, do: {rnu: [a]}}`, 'did you mean "run"?'],
  [`${S}  - {id: a, agent: wizard}`, 'found "wizard", wanted "coder"'],
  [
    `${S}  - {id: a, keep: srv}`,
    '2:19: subtasks[0].keep: found "srv", wanted a list of words such as [npm, test]; did you mean [srv]?',
  ],
  [`${S}  - {id: a, do: {keep: [srv], run: [x]}}`, 'exactly one of "run", "keep" and "agent"'],
  [
    `${S}  - {id: a, keep: [srv], ready: {tcp: 0}}`,
    'subtasks[0].ready.tcp: found 0, wanted a port, or HOST:PORT',
  ],
  [`${S}  - {id: a, keep: [srv], ready: {}}`, 'wanted one of tcp, http, line, file, command'],
  [`${S}  - {id: a, keep: [srv], ready: {tcp: 1, line: x}}`, 'wanted only one of tcp'],
  [`${S}  - {id: a, keep: [srv], ready: {http: "x"}}`, 'wanted a URL such as'],
  [`${S}  - {id: a, keep: [srv], ready: {tpc: 1}}`, '"tpc": unknown key'],
  [`${S}  - {id: a, keep: [srv], health: {line: x}}`, '"line": says nothing of how it is now'],
  [`${S}  - {id: a, keep: [srv], health: {every: 5s}}`, 'says no way to look, and there is none in "ready"'],
  [
    `${S}  - {id: a, keep: [srv], ready: {tcp: "\${PORT}"}}`,
    'has ${PORT}, and the service has no port; add "port: auto"',
  ],
  [`${S}  - {id: a, keep: [srv], restart: sometimes}`, 'wanted "always" or "on-failure" or "never"'],
  [`${S}  - {id: a, keep: [srv], port: 70000}`, 'wanted auto, or a whole number from 1 to 65535'],
  [`${S}  - {id: a, run: [x], port: auto}`, '2:23: subtasks[0].port: is for services only ("keep")'],
  [`${S}  - {id: a, keep: [srv], gates: [[x]]}`, '"a" has none: a service is never done'],
  [`${S}  - {id: a, keep: [srv]}\n  - {id: b, run: [x], needs: {a: done}}`, 'a service never is'],
  [`${S}  - {id: a, run: [srv]}\n  - {id: b, run: [x], needs: [{a: ready}]}`, 'it is no service'],
  [`${S}  - {id: a, run: [x], needs: z}\nfinally: {z: [x]}`, 'which runs when everything else is over'],
  [`${S}  - {id: a, run: [x]}\nfinally: [{id: z, description: x}]`, '"z" is no command'],
  [`${S}  - {id: a, run: [a], limits: {usd: 0}}`, '2:37: subtasks[0].limits.usd: found 0, wanted a number'],
  [
    `${S}  - {id: a, run: [a], limits: {tokens: 2.5}}`,
    'wanted a number of tokens such as 500000, 500k or 2M',
  ],
  [`${S}  - {id: a, run: [a], limits: {tokens: few}}`, 'found "few", wanted a number of tokens'],
  [`${S}  - {id: a, run: [a], tokens: 5}`, 'subtasks[0].tokens: belongs into "limits"'],
  [`${S}  - {id: a, run: [a], limits: 5}`, 'found 5, wanted a map with attempts'],
  [`${S}  - {id: a, run: [a], limits: {attempts: 0}}`, 'from 1 to 100'],
  [`${S}  - {id: a, run: [a], attempts: 2, limits: {attempts: 3}}`, 'says the same as "attempts"'],
  [`${S}  - {id: a, run: [a], timeout: 0}`, '(more than 0)'],
  [`${S}  - {id: a, run: [a], timeout: soon}`, 'found "soon"'],
  [`${S}  - {id: a, run: [a], timeout: 1m, timeout_seconds: 60}`, 'says the same as "timeout"'],
  [`${S}  - {id: a, description: x, prompt: y}`, 'says the same as "description"'],
  [
    `${S}  - {id: a, run: [a], needs: {b: c}}`,
    'found "c", wanted "started" or "ready" or "done" or "failed"',
  ],
  [`${S}  - {id: a, run: [a], needs: b}`, '2:30: subtasks[0].needs: "a" needs "b", which is not in the plan'],
  [
    `${S}  - {id: a, run: [a]}\n  - {id: b, run: [a], needs: [a, c]}`,
    '3:34: subtasks[1].needs: "b" needs "c", which is not in the plan',
  ],
  [`${S}  - {id: a, run: [a], needs: a}`, 'subtasks need each other: a → a'],
  [
    `${S}  - {id: a, run: [a], needs: b}\n  - {id: b, run: [a], needs: a}`,
    '2:30: subtasks[0].needs: subtasks need each other: a → b → a',
  ],
  [`${S}  - {id: a, run: [a]}\n  - {id: a, run: [b]}`, '3:10: subtasks[1].id: two subtasks are called "a"'],
  [`${S}  a: [x]\n  a: [y]`, 'a: is written twice'],
  [`${S}  a: {id: b, run: [x]}`, 'is "b", but the subtask is called "a"'],
  [`${S}  a:`, 'found nothing'],
  [`${S}  a: npm test`, 'did you mean [npm, test]?'],
  [`${S}  - {id: a, run: [a], dependencies: [b]}`, 'did you mean "needs"?'],
  [`${S}  - {id: a, run: [a], depends_on: [b]}`, 'did you mean "needs"?'],
  [`${S}  - {id: a, cmd: [a]}`, 'did you mean "run"?'],
  [`${S}  - {id: a, run: [a], env: [A=1]}`, 'found a list, wanted a map of variables'],
  [`${S}  - {id: a, run: [a], env: {1A: x}}`, 'is not a name for a variable'],
  [`${S}  - {id: a, run: [a], env: {__proto__: x}}`, 'is not a name for a variable'],
  [`${S}  - {id: a, run: [a], env: {A: [x]}}`, 'found a list'],
  [`${S}  - {id: a, run: [a], env: {A: }}`, 'found nothing'],
  [`${S}  - {id: a, run: [a], cwd: /tmp}`, 'a relative path inside the workspace'],
  [`${S}  - {id: a, run: [a], cwd: a/../../b}`, 'a relative path inside the workspace'],
  [`${S}  - {id: a, run: [a], on_fail: explode}`, 'wanted "stop" or "continue"'],
  [`${S}  - {id: a, run: [a], on_lost: cry}`, 'wanted "rerun" or "fail"'],
  [`${S}  - {id: a, run: [a], allow_empty: 1}`, 'wanted true or false'],
  [`${S}  - {id: a, run: [a], gates: none}`, 'wanted a list of gates'],
  [`${S}  - {id: a, run: [a], gates: [[]]}`, 'subtasks[0].gates[0]: names no program'],
  [`${S}  - {id: a, run: [a], files: [[x]]}`, 'found a list, wanted a path'],
  [`${S}  - {id: a, run: [a], title: ${'t'.repeat(501)}}`, 'a title of 0 to 500 characters'],
  [`version: 2\n${S}  - {id: a, run: [a]}`, '1:10: version: found 2'],
  [`parallel: 0\n${S}  - {id: a, run: [a]}`, 'from 1 to 64'],
  [`sequential: often\n${S}  - {id: a, run: [a]}`, 'wanted true or false'],
  [
    `sequential: true\n${S}  - {id: a, run: [a], needs: b}\n  - {id: b, run: [b]}`,
    'subtasks need each other',
  ],
  [`usd: 5\n${S}  - {id: a, run: [a]}`, 'usd: belongs into "limits"'],
  [`goal: [x]\n${S}  - {id: a, run: [a]}`, 'found a list'],
  [`env: 3\n${S}  - {id: a, run: [a]}`, 'found 3, wanted a map of variables'],
  [`gates: [npm, test]\n${S}  - {id: a, run: [a]}`, 'did you mean [[npm, test]]?'],
  [
    S + Array.from({ length: 1001 }, (_, i) => `  - {id: s${i}, description: a}`).join('\n'),
    '1002:5: subtasks[1000]: is subtask 1001 of 1001; at most 1000',
  ],
  // RASEN.
  ['{"task_name": "x", "subtasks": {}}', 'wanted a list of subtasks', 'state.json'],
  ['{"task_name": "x"}', 'wanted a list of subtasks', 'state.json'],
  ['{"task_name": "x", "subtasks": []}', 'has no subtasks', 'state.json'],
  ['{"task_name": "x", "subtasks": [{"id": "a"}]}', 'says nothing to do', 'state.json'],
  ['{"task_name": "x", "subtasks": [{"description": "a"}]}', 'has no "id"', 'state.json'],
  ['{"task_name": "x", "subtasks": [{"id": "!!", "description": "a"}]}', 'an id is 1–40', 'state.json'],
  [
    '{"task_name": "x", "subtasks": [{"id": "a", "description": "a", "status": "wild"}]}',
    'found "wild"',
    'state.json',
  ],
  [
    '{"task_name": "x", "subtasks": [{"id": "a", "description": "a", "run": ["x"]}]}',
    'run: unknown key',
    'state.json',
  ],
  [
    '{"task_name": "x", "subtasks": [{"id": "A_1", "description": "a"}, {"id": "a-1", "description": "b"}]}',
    'two subtasks are called "a-1"',
    'state.json',
  ],
  ['{"task_name": "x", "taskname": 1, "subtasks": []}', 'did you mean "task_name"?', 'state.json'],
  // Markdown.
  ['', '1:1: has no tasks', 'p.md'],
  ['# Only a title', 'has no tasks', 'p.md'],
  ['### Task one: x\n', '1:1: "Task one: x" has no number', 'p.md'],
  ['### Task 1: x\n### Task 1: y\n', '2:1: task-1.id: two subtasks are called "task-1"', 'p.md'],
  ['### Task 1\n', '1:1: task-1: says nothing to do', 'p.md'],
  ['### Task 1: a\0b\n', '1:14: contains a NUL', 'p.md'],
  ['# Words\n\nOnly words, and **bold** ones.\n', 'has no tasks', 'p.md'],
  ['# Notes\n\n- one\n- two\n\n## More\n\n- three\n', 'has no tasks', 'p.md'],
  // What could permit something is a path or an error.
  [
    '### Task 1: x\n**Tests:**\n- should reject all\n',
    '3:3: "should reject all" under "Tests:" is not a path',
    'p.md',
  ],
  ['### Task 1: x\n**Tests:** all of them\n', '2:1: "all of them" under "Tests:" is not a path', 'p.md'],
  ['### Task 1: x\n**Tests:** **\n', '2:1: "**" is empty', 'p.md'],
  ['### Task 1: x\n**Tests:** `**`\n', '2:1: "**" is a glob that begins with no folder', 'p.md'],
  ['### Task 1: x\n- Tests: `*.test.ts`\n', '2:3: "*.test.ts" is a glob that begins with no folder', 'p.md'],
  ['### Task 1: x\n__Tests__:\n\n* `**/*.test.ts`\n', '4:3: "**/*.test.ts" is a glob', 'p.md'],
  ['### Task 1: x\nTest files:\n1. `.`\n', '3:4: "." names everything', 'p.md'],
  ['### Task 1: x\nTests: `./`\n', '2:1: "./" names everything', 'p.md'],
  ['### Task 1: x\n**Tests**: `:(glob)**`\n', 'begins with the sign of a pathspec', 'p.md'],
  ['### Task 1: x\n**Tests**: `:!src`\n', 'begins with the sign of a pathspec', 'p.md'],
  ['### Task 1: x\n**Files:**\n- Create: `../x`\n', '3:3: "../x" leads out', 'p.md'],
  ['### Task 1: x\n**Files:** /etc/passwd\n', '"/etc/passwd" is not below the project', 'p.md'],
  ['- [ ] x\n  - Tests: [all](https://example.org/tests)\n', '2:5: "[all]', 'p.md'],
  ['| Task | Tests |\n|-|-|\n| x | `**` |\n', '3:1: "**" is empty', 'p.md'],
  [
    `${S}  - {id: a, run: [a], tests: "**"}`,
    '2:30: subtasks[0].tests: "**" is a glob that begins with no folder',
  ],
  [`${S}  - {id: a, run: [a], tests: [test/a.ts, "*"]}`, '2:42: subtasks[0].tests: "*" is a glob'],
  [`${S}  - {id: a, run: [a], tests: ["{a,b}/x.ts"]}`, 'is a glob that begins with no folder'],
  [`${S}  - {id: a, run: [a], tests: ["test/{a,b}.ts"]}`, 'has braces'],
  [`${S}  - {id: a, run: [a], tests: ["?est/a.ts"]}`, 'is a glob'],
  [`${S}  - {id: a, run: [a], tests: ["test/../src"]}`, 'leads out of a folder'],
  [`${S}  - {id: a, run: [a], tests: [all tests]}`, '"all tests" is a text and no path'],
  [`${S}  - {id: a, run: [a], files: [~/x]}`, 'is not below the project'],
  // Depth and length, before they cost anything.
  [`${'> '.repeat(20)}x`, '1:1: is nested deeper than 12 levels', 'p.md'],
  [`${'- '.repeat(20)}x`, 'is nested deeper than 12 levels', 'p.md'],
  ['x\n'.repeat(30_001), '30001:1: has more than 30000 lines', 'p.md'],
  [`${'- - - - - - - - - - x\n'.repeat(7000)}`, 'has too many items', 'p.md'],
  // Others.
  ['[{"passes": false}]', '1:2: [0]: says nothing to do', 'prd.json'],
  [
    '{"userStories": [{"id": "a", "title": "x", "passes": false, "dependsOn": ["b"]}]}',
    '"a" needs "b"',
    'prd.json',
  ],
  [
    '{"userStories": [{"id": "a", "title": "x", "passes": false, "tests": ["**"]}]}',
    'tests: "**" is a glob',
    'prd.json',
  ],
  ['{"phases": [{"subtasks": [{"id": "a"}]}]}', 'says nothing to do', 'implementation_plan.json'],
  [
    '{"phases": [{"id": "p", "depends_on": ["q"], "subtasks": [{"id": "a", "description": "x"}]}]}',
    '"q" is no phase of this plan',
    'implementation_plan.json',
  ],
  [
    '{"phases": [{"subtasks": [{"id": "a", "description": "x", "files_to_modify": ["*"]}]}]}',
    'phases[0].subtasks[0].files_to_modify: "*" is a glob',
    'implementation_plan.json',
  ],
  ['{"tasks": [{"id": 1, "title": "x", "dependencies": [2]}]}', '"1" needs "2"', 'tasks.json'],
];

/** What a planner may not say. */
const PLANNER: [string, string][] = [
  [`${S}  - {id: a, shell: true, run: rm -rf x}`, 'only a plan written by the user can use a shell'],
  [`${S}  - {id: a, run: "rm -rf x"}`, 'wanted a list of words'],
  [`shell: true\n${S}  - {id: a, run: [x]}`, '1:1: shell: only a plan written by the user can set this'],
  [`gates: [[true]]\n${S}  - {id: a, run: [x]}`, 'gates: only a plan written by the user can set this'],
  [`env: {PATH: /x}\n${S}  - {id: a, run: [x]}`, 'only a plan written by the user'],
  [`base: main\n${S}  - {id: a, run: [x]}`, 'only a plan written by the user'],
  [`parallel: 64\n${S}  - {id: a, run: [x]}`, 'only a plan written by the user'],
  [`${S}  - {id: a, run: [x], gates: [{run: "x", shell: true}]}`, 'gates[0].shell: unknown key'],
  ['### Task 1: x\n', 'is empty'],
  ['I have made a plan: it is good', '1:1: subtasks: is missing'],
  ['```json\n{"subtasks": []}\n```', 'not valid YAML'],
  ['{"task_name": "x", "subtasks": []}', 'task_name: unknown key'],
];

const PLACE = /^\S+:\d+:\d+: /;

describe('configuration', () => {
  test.each(CONFIGS)('%j', (text, message) => {
    count++;
    const error = refusal(() => loadConfig({ project: project({ 'rasen.yml': text }), env: {} }));
    expect(error.kind).toBe('config');
    for (const line of error.message.split('\n')) expect(line).toMatch(/^…|^rasen\.yml:\d+:\d+: /);
    expect(error.message).toContain(message);
    expect(error.hint).toContain('man rasen.yml');
  });
});

describe('plan', () => {
  test.each(PLANS)('%j', (text, message, path = 'plan.yml') => {
    count++;
    const error = refusal(() => readPlanFile(path, text, { task: 't', origin: 'file' }));
    expect(error.kind).toBe('config');
    for (const line of error.message.split('\n')) expect(line).toMatch(PLACE);
    expect(error.message).toContain(message);
  });

  test.each(PLANNER)('of the planner: %j', (text, message) => {
    count++;
    const error = refusal(() => readPlanFile('result.md', text, { task: 't', origin: 'planner' }));
    expect(error.kind).toBe('config');
    for (const line of error.message.split('\n')) expect(line).toMatch(PLACE);
    expect(error.message).toContain(message);
  });
});

describe('files that are not text', () => {
  test.each<[string, Uint8Array, string]>([
    [
      'bad UTF-8',
      Buffer.from([0x61, 0x3a, 0x20, 0x31, 0x0a, 0x62, 0x3a, 0xff, 0x0a]),
      'rasen.yml:2:1: is not valid UTF-8',
    ],
    ['UTF-16', Buffer.from('\ufeffparallel: 1', 'utf16le'), 'rasen.yml:1:1: is UTF-16'],
    ['an executable', Buffer.from('\x7fELF\x02\x01\x01\0\0\0'), 'rasen.yml:1:8: contains a NUL'],
    ['more than 1 MiB', Buffer.alloc(1024 * 1024 + 1, '#'), 'rasen.yml:1:1: is larger than 1024 KiB'],
  ])('%s', (_, bytes, message) => {
    count++;
    expect(
      refusal(() => loadConfig({ project: project({ 'rasen.yml': bytes }), env: {} })).message,
    ).toContain(message);
  });

  test.each([
    ['rasen.yaml', 'rasen.yaml:1:1: is not read; rename it to rasen.yml'],
    ['.rasen/config.yml', '.rasen/config.yml:1:1: is not read; rename it to .rasen/config.yaml'],
  ])('%s would be overlooked', (name, message) => {
    count++;
    expect(refusal(() => loadConfig({ project: project({ [name]: '' }), env: {} })).message).toBe(message);
  });
});

afterAll(() => {
  console.log(`malformed configurations and plans: ${count}`);
  expect(count).toBeGreaterThanOrEqual(120);
});
