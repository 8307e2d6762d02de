#!/usr/bin/env bash
# Installs what the browser tests need: chromium and chromedriver (Debian's packages), and axe-core
# (npm), which finds what a screen reader stumbles over. Neither is needed to use the lab.
#
#   scripts/install-browser.sh             install them
#   scripts/install-browser.sh --dry-run   only say what would be done
set -euo pipefail
cd "$(dirname "$0")/.."
axe_version=4.14.1

run() {
  echo "+ $*"
  [ "$dry_run" = yes ] || "$@"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then run "$@"; else run sudo "$@"; fi
}

# Debian's packages for the programs that are missing.
install_missing() {
  local package program missing=()
  for package in "$@"; do
    program=${package/chromium-driver/chromedriver}
    command -v "$program" >/dev/null || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "no apt-get here, which this script needs for: ${missing[*]}" >&2
    echo "next: install them by hand, then run this script again" >&2
    exit 1
  fi
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

dry_run=no
case "${1:-}" in
  "") ;;
  --dry-run) dry_run=yes ;;
  *) echo "usage: $0 [--dry-run]" >&2 && exit 2 ;;
esac

install_missing chromium chromium-driver npm

# Not in the repository: it is larger than all of our sources, and under another licence (MPL-2.0).
axe=${CARGO_TARGET_DIR:-target}/axe-core
installed=$axe/node_modules/axe-core/package.json
if grep -qs "\"version\": \"$axe_version\"" "$installed"; then
  echo "nothing to do: axe-core $axe_version is in $axe"
else
  run mkdir -p "$axe"
  run npm install --silent --ignore-scripts --no-audit --no-fund --no-save --prefix "$axe" "axe-core@$axe_version"
fi
