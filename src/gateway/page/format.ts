/** Times, sums and names as the page shows them. Pure. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function ago(time: string, now = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  return seconds < 5 ? 'now' : `${duration(seconds)} ago`;
}

export function until(time: string, now = Date.now()): string {
  const seconds = (Date.parse(time) - now) / 1000;
  return seconds <= 0 ? 'now' : `in ${duration(seconds)}`;
}

export const clock = (time: string) =>
  new Date(time).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });

export function tokens(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1_000_000) return `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)} k`;
  return `${(count / 1_000_000).toFixed(1)} M`;
}

export const dollars = (usd: number | null) => (usd === null ? '–' : `$${usd.toFixed(2)}`);

export const folderName = (path: string) => path.split('/').filter(Boolean).at(-1) ?? path;

export const firstLine = (text: string) => text.trim().split('\n', 1)[0] ?? '';

export type Group = 'needs' | 'running' | 'done' | 'failed';

export function groupOf(status: string): Group {
  if (status === 'blocked' || status === 'damaged') return 'needs';
  if (status === 'failed') return 'failed';
  if (status === 'completed' || status === 'cancelled') return 'done';
  return status === 'interrupted' ? 'needs' : 'running';
}
