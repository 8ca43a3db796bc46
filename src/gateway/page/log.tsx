/** The log of a task, live: a window of rows over the stream, which follows as long as one is at its end. */
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { LogRecord } from '../../contract/methods/log.follow.ts';
import { piecesOf } from './ansi.ts';
import { listen, type Problem } from './api.ts';
import { LINES_MAX, type LogLine, LogLines } from './log-lines.ts';

export function Log({ id }: { id: string }) {
  const log = useMemo(() => new LogLines(), [id]);
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [ended, setEnded] = useState(false);
  const [wanted, setWanted] = useState('');
  const [error, setError] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    let frame = 0;
    const listening = listen(`/v1/tasks/${id}/log?lines=${LINES_MAX}`, (name, data) => {
      if (name === 'log') {
        log.push((data as { records: LogRecord[] }).records);
        // However many come, they are drawn once a frame.
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          draw(undefined);
        });
      }
      if (name === 'end') setEnded(true);
      if (name === 'problem') setError((data as Problem).detail);
    });
    return () => {
      listening.close();
      cancelAnimationFrame(frame);
    };
  }, [id]);
  useLayoutEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const onScroll = () => {
    const { current } = box;
    if (current) follows.current = current.scrollHeight - current.scrollTop - current.clientHeight < 40;
  };
  const sought = wanted.toLowerCase();
  const shown =
    sought === '' ? log.lines : log.lines.filter(line => line.text.toLowerCase().includes(sought));
  return (
    <>
      <div class="row spread">
        <label class="inline">
          Find{' '}
          <input
            type="search"
            value={wanted}
            onInput={event => setWanted((event.target as HTMLInputElement).value)}
          />
        </label>
        <span class="quiet">
          {log.dropped > 0 ? `${log.dropped} older lines · ` : ''}
          {ended ? 'ended' : 'live'} ·{' '}
          <a href={`/v1/tasks/${id}/log?lines=100000`} download={`${id}.json`}>
            Whole log
          </a>
        </span>
      </div>
      {error ? <p class="problem">{error}</p> : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard. */}
      <div class="log" ref={box} onScroll={onScroll} role="log" aria-label="Log" tabIndex={0}>
        {shown.map(line => (
          <Line key={line.key} line={line} />
        ))}
        {shown.length === 0 ? (
          <p class="quiet">{sought ? 'No line has that.' : 'Nothing was printed yet.'}</p>
        ) : null}
      </div>
    </>
  );
}

function Line({ line }: { line: LogLine }) {
  const { kind, level, mark, text } = line;
  return useMemo(
    () => (
      <div class={`l l-${kind} l-${level}`}>
        {mark ? <span class="mark">{mark}</span> : null}
        {piecesOf(text).map((piece, i) =>
          piece.classes === '' ? (
            piece.text
          ) : (
            <span key={i} class={piece.classes}>
              {piece.text}
            </span>
          ),
        )}
      </div>
    ),
    [line],
  );
}
