/** setup.cfg and tox.ini: the sections that runners of tests and linters read. Pure. */

const CHECKS =
  /^(?:tool:)?(?:pytest|tox|testenv|coverage|flake8|mypy|pylint|isort|pycodestyle|aliases|behave|nosetests|unittest|pydocstyle)\b/i;

export function iniFindings(before: string, after: string): string[] {
  const [was, is] = [sections(before), sections(after)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter(name => CHECKS.test(name) && was.get(name) !== is.get(name))
    .map(name => `[${name}] was changed`);
}

function sections(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let open = '';
  for (const line of text.split(/\r?\n/)) {
    const plain = line.trimEnd();
    const head = /^\[([^\]]+)\]/.exec(plain);
    if (head) open = head[1]!.trim();
    else if (!/^\s*[#;]|^$/.test(plain)) found.set(open, `${found.get(open) ?? ''}${plain.trim()}\n`);
  }
  return found;
}
