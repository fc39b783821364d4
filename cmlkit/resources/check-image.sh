#!/bin/bash
# Say on the console what an image has of what the boot script and the action would otherwise fetch, and power off later.
set -u

CMLKIT_HOME=${CMLKIT_HOME:-/opt/cmlkit}
RUNNER_DIR=$CMLKIT_HOME/home/actions-runner
SECONDS_TO_READ_IT=300

version() {
  { "$1" --version 2>/dev/null || echo none; } | head -n 1 | grep -o '[0-9][0-9.]*\|none' | head -n 1
}

main() {
  local runner=none packages line
  [ ! -x "$RUNNER_DIR/run.sh" ] || runner=$(cat "$RUNNER_DIR/.cmlkit-sha256" 2>/dev/null || echo unknown)
  packages=$(cat "$CMLKIT_HOME/packages" 2>/dev/null || echo none)
  line="cmlkit: image runner=$runner git=$(version git) uv=$(version uv) packages=$packages"
  echo "$line"
  { echo "$line" >/dev/console; } 2>/dev/null
  sleep "$SECONDS_TO_READ_IT"
  systemctl poweroff || poweroff
}

main
