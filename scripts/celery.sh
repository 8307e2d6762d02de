#!/usr/bin/env bash
# The Python side of the lab: Celery, the Django form, Flower.
#
#   scripts/celery.sh install          make target/celery, a virtual environment
#   scripts/celery.sh worker [OPTION]  a Celery worker, behind step7_async_form
#   scripts/celery.sh form [PORT]      the Django form, before step6_worker;
#                                      http://localhost:8000
#   scripts/celery.sh flower [OPTION]  Flower, before either worker;
#                                      http://localhost:5555
#   scripts/celery.sh celery WORD...   Celery's own command line, such as
#                                      `celery inspect ping`
#
# Each needs a broker (cargo run --bin step5_broker) at REDIS_URL, or
# `--broker URL` as the first option; redis://127.0.0.1:6379/0 otherwise.
#   CELERY_VENV=PATH   a virtual environment of your own instead of target/celery
#   WORK_SECONDS=2     shortens the simulated work
#   EMAIL_PORT=1025    sends the mail to a server at this port of 127.0.0.1
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${CELERY_VENV:-$root/target/celery}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
project=$root/labs/lab3/python

usage() {
  sed -n '2,17s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# What the packages of requirements.txt need.
oldest=3.11

# How to get a Python that is new enough, on this machine.
new_python() {
  if command -v brew >/dev/null; then
    echo "brew install python, and try again"
  elif [ "$(uname -s)" = Darwin ]; then
    echo "install it from https://www.python.org/downloads/, and try again"
  else
    echo "install it from your package manager, and try again"
  fi
}

# The first Python that is new enough.
find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c "import sys; sys.exit(sys.version_info < (${oldest/./, }))" 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

has_venv() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null
}

make_venv() {
  local python found
  # Debian ships Python and its module venv apart from each other.
  if command -v apt-get >/dev/null && ! has_venv "$(find_python || echo python3)"; then
    as_root apt-get update -qq
    as_root apt-get install -y -qq python3 python3-venv
  fi
  if ! python=$(find_python); then
    found=$(python3 --version 2>/dev/null || echo "not installed")
    echo "Celery's packages need Python $oldest or newer; python3 here is: $found" >&2
    echo "next: $(new_python)" >&2
    exit 1
  fi
  if ! has_venv "$python"; then
    echo "$python has no module venv, or no ensurepip" >&2
    echo "next: $(new_python)" >&2
    exit 1
  fi
  "$python" -m venv "$venv"
}

install() {
  if [ -n "${CELERY_VENV:-}" ] && [ -x "$venv/bin/celery" ]; then return; fi
  if cmp -s "$project/requirements.txt" "$venv/requirements.txt"; then return; fi
  echo "installing Celery, Django and Flower into $venv, once" >&2
  make_venv
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$project/requirements.txt"
  # Written last: it says that all of it is there.
  cp "$project/requirements.txt" "$venv/requirements.txt"
}

command=${1:-}
[ $# -gt 0 ] && shift
if [ "${1:-}" = --broker ]; then
  export REDIS_URL=${2:-}
  shift 2 || usage
fi
export REDIS_URL=${REDIS_URL:-redis://127.0.0.1:6379/0}

run_celery() {
  cd "$project"
  exec "$venv/bin/celery" -A django_celery "$@"
}

case "$command" in
  install) ;;
  worker | form | flower | celery) install ;;
  *) usage ;;
esac

case "$command" in
  install)
    install
    echo "installed: $("$venv/bin/celery" --version) in $venv"
    ;;
  worker) run_celery worker --loglevel INFO "$@" ;;
  flower)
    # Its API, which its buttons use, wants a password or this; it serves this machine only.
    export FLOWER_UNAUTHENTICATED_API=${FLOWER_UNAUTHENTICATED_API:-true}
    run_celery flower --address=127.0.0.1 "$@"
    ;;
  celery) run_celery "$@" ;;
  form)
    cd "$project"
    # One process: Ctrl-C, or a kill by its pid, ends all of it.
    exec "$venv/bin/python" manage.py runserver --noreload "127.0.0.1:${1:-8000}"
    ;;
esac
