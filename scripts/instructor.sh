#!/usr/bin/env bash
# The lab on one projector: broker, worker, form, and a shell to look into Redis, in four tmux panes;
# in a window behind them the live view, for a browser at http://localhost:5555.
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
  bin=${CARGO_TARGET_DIR:-target}/debug
  shell=${SHELL:-/bin/sh}
  # Panes by their ids: where windows and panes begin to count is the user's setting.
  broker=$(tmux new-session -d -P -F '#{pane_id}' -s "$session" -x 200 -y 50 "$bin/step5_broker; exec $shell")
  # The others would say that it is missing.
  for _ in $(seq 50); do
    "$bin/step8_examine" -- PING >/dev/null 2>&1 && break
    sleep 0.1
  done
  worker=$(tmux split-window -h -P -F '#{pane_id}' -t "$broker" "$bin/step6_worker; exec $shell")
  tmux split-window -v -t "$broker" "$bin/step7_async_form --no-ask; exec $shell"
  tmux split-window -v -t "$worker" "echo 'look inside: http://localhost:5555, redis-cli, or $bin/step8_examine'; exec $shell"
  tmux new-window -d -n view -t "$session" "$bin/step8_examine --web; exec $shell"
fi
if [ -n "${TMUX:-}" ]; then
  exec tmux switch-client -t "$session"
fi
exec tmux attach -t "$session"
