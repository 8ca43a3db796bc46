/** The machine: the supervisor, what doctor finds, and who is logged in. */
import { useEffect, useState } from 'preact/hooks';
import { get, post } from './api.ts';
import { ago } from './format.ts';
import { Act, Badge, Facts, Say } from './parts.tsx';

interface Status {
  version: string;
  pid: number;
  started_at: string;
  home: string;
  live_jobs: number;
  max_live_jobs: number;
  rss_bytes: number;
  cage: { kind: string };
  sandbox: { kind: string | null };
}
interface Finding {
  check: string;
  level: 'ok' | 'warning' | 'error';
  message: string;
  fix: string | null;
}
interface Session {
  name: string;
  created_at: string;
  agent: string;
  scopes: string[];
}

const ORDER = { error: 0, warning: 1, ok: 2 };

export function Machine() {
  const [status, setStatus] = useState<Status | null>(null);
  const [findings, setFindings] = useState<Finding[] | null>(null);
  const [sessions, setSessions] = useState<Session[]>([]);
  const [error, setError] = useState<unknown>(null);
  const loadSessions = () => get<Session[]>('/v1/sessions').then(setSessions);
  useEffect(() => {
    get<Status>('/v1/daemon/status').then(setStatus).catch(setError);
    get<{ findings: Finding[] }>('/v1/daemon/doctor')
      .then(found => setFindings(found.findings.toSorted((a, b) => ORDER[a.level] - ORDER[b.level])))
      .catch(setError);
    loadSessions().catch(setError);
  }, []);
  return (
    <>
      <h1>Machine</h1>
      <Say error={error} />
      {status ? (
        <Facts
          rows={[
            ['rasend', `${status.version}, pid ${status.pid}, started ${ago(status.started_at)}`],
            ['Jobs', `${status.live_jobs} of at most ${status.max_live_jobs}`],
            ['Memory', `${Math.round(status.rss_bytes / 1024 / 1024)} MiB`],
            ['Cage', status.cage.kind],
            ['Sandbox', status.sandbox.kind ?? 'none'],
            ['State', status.home],
          ]}
        />
      ) : null}
      <section aria-label="Doctor">
        <h2>Doctor</h2>
        {findings === null ? <p class="quiet">…</p> : null}
        <ul class="plain">
          {findings?.map(finding => (
            <li key={`${finding.check} ${finding.message}`} class="card">
              <div class="row spread">
                <b>{finding.check}</b>
                <Badge status={finding.level} />
              </div>
              <p>{finding.message}</p>
              {finding.fix ? <p class="hint">{finding.fix}</p> : null}
            </li>
          ))}
        </ul>
      </section>
      <section aria-label="Logged-in browsers">
        <h2>Logged-in browsers</h2>
        <ul class="plain">
          {sessions.map(session => (
            <li key={session.name} class="card row spread">
              <span>
                <b>{session.name}</b> <span class="quiet">since {ago(session.created_at)}</span>
                <br />
                <span class="quiet">{session.agent}</span>
              </span>
              <Act
                label="Log out"
                ask={`${session.name} has to log in again.`}
                danger
                run={async () => {
                  await post(`/v1/sessions/${session.name}/revoke`);
                  await loadSessions();
                }}
              />
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
