#!/usr/bin/env bash
# The lab on one projector: broker, worker, form, and a shell to look into Redis, in four tmux panes.
#
#   scripts/instructor.sh          open it (again)
#   scripts/instructor.sh --kill   end it, with everything in it
set -euo pipefail
cd "$(dirname "$0")/.."
session=lab3

if ! command -v tmux >/dev/null; then
  echo "tmux is not installed" >&2
  echo "next: install it, or open three terminals as docs/lab3.md says" >&2
  exit 1
fi

case "${1:-}" in
  "") ;;
  --kill)
    tmux kill-session -t "$session" 2>/dev/null || echo "it does not run"
    exit 0
    ;;
  *) echo "usage: $0 [--kill]" >&2 && exit 2 ;;
esac

if ! tmux has-session -t "$session" 2>/dev/null; then
  # Once for all: three `cargo run` at the same time would wait for each other's build.
  cargo build --bins
  tmux new-session -d -s "$session" "target/debug/step5_broker; exec $SHELL"
  tmux split-window -h -t "$session" "target/debug/step6_worker; exec $SHELL"
  tmux split-window -v -t "$session:0.0" "target/debug/step7_async_form --no-ask; exec $SHELL"
  tmux split-window -v -t "$session:0.2" "echo 'look inside: redis-cli, or target/debug/step8_examine'; exec $SHELL"
fi
exec tmux attach -t "$session"
