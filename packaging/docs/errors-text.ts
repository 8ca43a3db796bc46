/** The tables that more than one page shows: exit statuses and errors, from src/contract/errors.ts. */
import { ERRORS, EXIT } from '../../src/contract/errors.ts';
import type { ManPage } from './man-page.ts';

/** What each exit status of `rasen` means. A status without a row does not compile. */
const EXIT_ABOUT: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'The command did what it was asked; of a task: it is completed.',
  failed: 'The task failed. Nothing else ends with 1.',
  usage: 'Wrong usage, configuration or plan.',
  blocked: 'The task is blocked: it needs a person, and `rasen status` says for what.',
  unreachable: 'No supervisor answers.',
  refused:
    'The command could not do what it was asked: nothing was submitted or changed, and the message says why. `rasen doctor` found an error; a notice of `rasen notify test` could not be sent.',
  missing_runtime: 'No usable Node runtime was found; nothing of rasen ran.',
  internal: 'A bug, or a supervisor that speaks another protocol.',
  temporary:
    'The task waits for a usage limit, or something is busy: try again later. It is EX_TEMPFAIL of sysexits(3).',
  not_permitted:
    'A person has to ask for this, and the request came from inside a task. It is EX_NOPERM of sysexits(3).',
  not_executable: 'The program of `rasen run --` is there and cannot be run; no task was made.',
  not_found: 'The program of `rasen run --` was not found; no task was made.',
  cancelled: 'The task was stopped or cancelled, or the command was interrupted.',
};

export function exitList(page: ManPage): void {
  for (const [name, status] of Object.entries(EXIT))
    page.item(`\`${status}\``, EXIT_ABOUT[name as keyof typeof EXIT]);
  page.endList();
}

/** Every kind with its code on the wire and its exit status. */
export function errorList(page: ManPage): void {
  for (const [kind, { code, exit, about }] of Object.entries(ERRORS))
    page.item(`\`${kind}\` (code ${code}, exit status ${exit})`, about);
  page.endList();
}
