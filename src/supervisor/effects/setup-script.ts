/**
 * `setup` with a cache of what it makes, as a program for `sh -c`: FOLDER NAMES SAVE PATHS SETUP…. It is part of the job, so
 * that copying a hundred thousand files is stopped, timed and logged as `setup` itself is. Whatever is wrong with the cache,
 * `setup` runs, and its exit status is the answer.
 *
 * Copies, never hard links: a tool that opens a file for writing, as patches of packages and caches of tools do, would write
 * into the cache and every checkout. Where the file system can (btrfs, xfs, APFS), a copy shares its blocks until it is
 * written to. What is kept was made by `setup` alone: nothing of it may have been there before.
 */

/** Entries that a cache of one repository keeps, the most recently used. */
export const CACHE_ENTRIES = 4;

export const SETUP_SCRIPT = `
cache=$1 names=$2 save=$3 paths=$4
shift 4

# What the same lock files give depends on these as well.
versions() {
  case \${1##*/} in
    npm | pnpm | yarn | bun | uv | poetry | pdm | pip | pip3 | cargo | bundle | composer) "$1" --version ;;
  esac
  for tool in node python3 rustc ruby php; do
    command -v "$tool" && "$tool" --version
  done
  command -v go && go version
  uname -sm
}
key=$(versions "$1" </dev/null 2>&1 | cksum | tr ' ' -)

copy() {
  cp -a --reflink=auto -- "$1" "$2" 2>/dev/null && return
  rm -rf -- "$2"
  cp -cRp -- "$1" "$2" 2>/dev/null && return
  rm -rf -- "$2"
  cp -Rp -- "$1" "$2"
}
# Calls its words with $path and its number $n, for each path, until one fails.
each() {
  printf '%s\\n' "$paths" | {
    n=0
    while IFS= read -r path; do
      n=$((n + 1))
      "$@" || exit 1
    done
  }
}
# No part of the path is a link: what was committed must lead nobody out of the checkout.
plain() {
  part='' rest=$path/
  while [ -n "$rest" ]; do
    part=$part\${rest%%/*}
    [ -L "$part" ] && return 1
    part=$part/ rest=\${rest#*/}
  done
}
take() {
  plain && [ -e "$from/$n" ] && mkdir -p -- "$(dirname -- "$path")" && rm -rf -- "./$path" && copy "$from/$n" "./$path"
}
drop() { plain && rm -rf -- "./$path"; }
missing() { [ ! -e "$path" ]; }
keep() { plain && [ -e "$path" ] && copy "./$path" "$to/$n"; }
list() { printf '%s\\n' "$paths" | tr '\\n' ' '; }

for name in $names; do
  from=$cache/$name.$key
  [ -d "$from" ] || continue
  if each take; then
    touch -- "$from"
    echo "setup: taken from the cache: $(list)"
    exit 0
  fi
  each drop
done
fresh=false
[ -n "$save" ] && each missing && fresh=true
"$@"
code=$?
if [ $code = 0 ] && $fresh && [ ! -e "$cache/$save.$key" ]; then
  if to=$(mktemp -d "$cache/tmp.XXXXXX") && each keep && mv -- "$to" "$cache/$save.$key"; then
    echo "setup: kept in the cache: $(list)"
    ls -1dt "$cache"/*.*-* | tail -n +${CACHE_ENTRIES + 1} | while IFS= read -r old; do rm -rf -- "$old"; done
  else
    rm -rf -- "$to"
    echo "setup: not kept in the cache: one of these was not made, or could not be copied: $(list)"
  fi
  find "$cache" -maxdepth 1 -name 'tmp.*' -mtime +0 -exec rm -rf -- {} +
fi
exit $code
`;
