/** Property lists as XML text, the form that launchd reads. Pure. Used by job.ts. */

export type Plist = string | number | boolean | readonly Plist[] | { readonly [key: string]: Plist };

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
`;

/** A whole file. `about`, one line, becomes a comment at its head. Throws on what XML cannot hold. */
export function plistText(value: Plist, about: string): string {
  return `${HEAD}<!-- ${comment(about)} -->\n<plist version="1.0">\n${element(value, '')}</plist>\n`;
}

function element(value: Plist, indent: string): string {
  if (typeof value === 'string') return `${indent}<string>${escaped(value)}</string>\n`;
  if (typeof value === 'boolean') return `${indent}<${value}/>\n`;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer`);
    return `${indent}<integer>${value}</integer>\n`;
  }
  const deeper = `${indent}  `;
  const inner = Array.isArray(value)
    ? value.map(item => element(item, deeper))
    : Object.entries(value).map(
        ([key, item]) => `${deeper}<key>${escaped(key)}</key>\n${element(item, deeper)}`,
      );
  const tag = Array.isArray(value) ? 'array' : 'dict';
  return inner.length === 0
    ? `${indent}<${tag}/>\n`
    : `${indent}<${tag}>\n${inner.join('')}${indent}</${tag}>\n`;
}

/**
 * Characters that XML 1.0 cannot hold in any form would make launchd refuse the whole file with "Input/output error";
 * better to say here which text it is.
 */
function escaped(text: string): string {
  if (/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.test(text))
    throw new RangeError(`${JSON.stringify(text)} has a character that a property list cannot hold`);
  // A bare CR would be read back as LF.
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

/** What `escaped` made of a text, as it was. */
export function unescaped(text: string): string {
  const values: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&#13;': '\r', '&amp;': '&' };
  return text.replaceAll(/&(?:lt|gt|#13|amp);/g, code => values[code]!);
}

/** XML has no way to escape within a comment. */
function comment(text: string): string {
  return text.replaceAll('--', '- -').replaceAll('\n', ' ');
}
