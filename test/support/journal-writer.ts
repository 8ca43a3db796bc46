/** Writes one line of `bytes` bytes (the argument) to the journal that was handed over, through the supervisor's log. */
import { makeLog } from '../../src/log.ts';
import { takeHandover } from '../../src/service/runtime/handover.ts';
import { openLogStream } from '../../src/service/runtime/log-stream.ts';

const handover = takeHandover(process.env);
const log = makeLog(await openLogStream({ mode: 'journal', path: '', handover }), 'info');
log.error({ task: 't1' }, 'x'.repeat(Number(process.argv[2])));
