#!/usr/bin/env bash
# Installs a redis-server (or valkey-server) where there is none. The lab works without one, too.
#
#   scripts/install-redis.sh             install it
#   scripts/install-redis.sh --dry-run   only say what would be done
set -euo pipefail

run() {
  echo "+ $*"
  [ "$dry_run" = yes ] || "$@"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then run "$@"; else run sudo "$@"; fi
}

install_with() {
  case "$1" in
    apt-get) as_root apt-get update -qq && as_root apt-get install -y -qq redis-server ;;
    dnf) as_root dnf install -y valkey valkey-compat-redis ;;
    pacman) as_root pacman -S --noconfirm valkey ;;
    apk) as_root apk add valkey valkey-compat ;;
    brew) run brew install redis ;;
  esac
}

dry_run=no
case "${1:-}" in
  "") ;;
  --dry-run) dry_run=yes ;;
  *) echo "usage: $0 [--dry-run]" >&2 && exit 2 ;;
esac

for server in redis-server valkey-server; do
  if path=$(command -v "$server"); then
    echo "nothing to do: $path is installed"
    exit 0
  fi
done

for manager in apt-get dnf pacman apk brew; do
  if command -v "$manager" >/dev/null; then
    install_with "$manager"
    exit 0
  fi
done

echo "no package manager that this script knows (apt-get, dnf, pacman, apk, brew)" >&2
echo "next: install Redis from https://redis.io, or use the built-in broker: cargo run --bin step5_broker" >&2
exit 1
