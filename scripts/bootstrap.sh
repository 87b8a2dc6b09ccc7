#!/bin/sh
# Runs a command in the project's root with the pinned Node and the npm packages' commands on PATH, installing the
# packages first where they are missing or old. Plain sh: it is what runs before there is anything else.
# Usage: sh scripts/bootstrap.sh COMMAND [ARGUMENT...]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  printf '%s\n  Next: %s\n' "$1" "$2" >&2
  exit 1
}

command -v npm >/dev/null 2>&1 || fail "npm is not installed" "install Node.js 20 or later with npm, then run this again"

# package-lock.json is copied beside the packages once they are all there: a killed install is done again.
if ! cmp -s "$root/package-lock.json" "$root/node_modules/.bramble-lock.json"; then
  started=$(date +%s)
  echo "npm packages: installing"
  log=$(mktemp)
  # Whatever NODE_ENV says: tools of this checkout are no dependencies of the package that is made of it.
  # No package's install script runs except node's own, which fetches the pinned Node from the npm registry:
  # @pulumi/kubernetes would otherwise put its plugin into the user's Pulumi home.
  if ! (cd "$root" && npm ci --include=dev --ignore-scripts --no-audit --no-fund && npm rebuild node) >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "npm could not install the packages of package-lock.json" "see npm's message above; the npm registry must be reachable the first time"
  fi
  rm -f "$log"
  cp "$root/package-lock.json" "$root/node_modules/.bramble-lock.json"
  echo "npm packages: done in $(($(date +%s) - started)) s"
fi

PATH="$root/node_modules/.bin:$PATH"
# Node keeps what it compiled: the Pulumi SDK alone takes half a second otherwise, in each of many short processes.
NODE_COMPILE_CACHE="$root/node_modules/.cache/compile"
export PATH NODE_COMPILE_CACHE
cd "$root"
exec "$@"
