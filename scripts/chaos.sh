#!/usr/bin/env bash
# Breaks the queue on purpose, and counts what is lost: the table of docs/reliability.md.
# Needs a redis-server; it starts its own and leaves others alone.
#
#   scripts/chaos.sh                      all faults, several minutes
#   scripts/chaos.sh --quick              the short form
#   scripts/chaos.sh sigkill --names      one of them, each duplicate by its name
#   scripts/chaos.sh --help               what there is
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --release -p chaos -- "$@"
