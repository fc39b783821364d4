#!/bin/bash
# Prepare a machine of which an image is made: what runners would otherwise fetch at each boot is on it.
#
# Printed by `cmlkit runner image`, as the user data of an Ubuntu or Debian instance that stops when it powers off. It
# powers off when all is done, and stays up where something failed: the console says what.
set -euo pipefail
umask 022

CMLKIT_HOME=${CMLKIT_HOME:-/opt/cmlkit}
RUNNER_HOME=$CMLKIT_HOME/home
RUNNER_DIR=$RUNNER_HOME/actions-runner
trap 'echo "cmlkit: preparing the image failed at line $LINENO"' ERR

install_packages() {
  apt-get update --quiet --quiet
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends \
    ca-certificates curl git python3 python3-venv
}

install_uv() {
  python3 -m venv "$CMLKIT_HOME/uv"
  "$CMLKIT_HOME/uv/bin/pip" install --quiet uv
  ln -sf "$CMLKIT_HOME/uv/bin/uv" "$CMLKIT_HOME/uv/bin/uvx" /usr/local/bin/
}

install_runner() {
  local archive=$CMLKIT_HOME/actions-runner.tar.gz
  id -u runner >/dev/null 2>&1 ||
    useradd --create-home --home-dir "$RUNNER_HOME" --shell /bin/bash --user-group runner
  curl --fail --silent --show-error --location --retry 5 --output "$archive" "$CMLKIT_RUNNER_URL"
  sha256sum --check --status <<<"$CMLKIT_RUNNER_SHA256  $archive"
  rm -rf "$RUNNER_DIR"
  install --directory --owner=runner --group=runner "$RUNNER_DIR"
  tar -xzf "$archive" -C "$RUNNER_DIR" --no-same-owner
  rm -f "$archive"
  [ ! -x "$RUNNER_DIR/bin/installdependencies.sh" ] || "$RUNNER_DIR/bin/installdependencies.sh" >/dev/null
  # By this the boot script knows that it need not download the runner.
  echo "$CMLKIT_RUNNER_SHA256" >"$RUNNER_DIR/.cmlkit-sha256"
  chown --recursive runner: "$RUNNER_DIR"
}

# Each instance of the image is to be a new machine, whose first boot is its first.
forget_this_machine() {
  rm -f "$CMLKIT_HOME/booted"
  apt-get clean
  cloud-init clean --logs
}

main() {
  mkdir -p "$CMLKIT_HOME"
  install_packages
  install_uv
  install_runner
  bash -e <(printf '%s\n' "$CMLKIT_STARTUP_SCRIPT") </dev/null
  forget_this_machine
  echo "cmlkit: the image is prepared"
  systemctl poweroff
}

main
