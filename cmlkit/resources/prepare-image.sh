#!/bin/bash
# Prepare a machine of which an image is made: what runners would otherwise fetch at each boot is on it.
#
# Printed by `cmlkit runner image`, as the user data of an Ubuntu or Debian instance whose power-off terminates it. When
# all is done, it says so and stays up, until the image has been made. It powers off if something fails, and in any case
# when its life is over; the console has the reason.
set -euo pipefail
umask 022

CMLKIT_HOME=${CMLKIT_HOME:-/opt/cmlkit}
RUNNER_HOME=$CMLKIT_HOME/home
RUNNER_DIR=$RUNNER_HOME/actions-runner
SECONDS_TO_LIVE=3600
# SHA-256 of the wheels for Linux on x86_64 and arm64, as published with them; a test holds them to uv.lock.
UV='uv==0.13.9
  --hash=sha256:d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19
  --hash=sha256:5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe
  --hash=sha256:ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375'
# As at a boot: many installers need HOME, no question of a package may wait, and apt waits for its lock.
export HOME=${HOME:-/root} DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_CONFIG=$CMLKIT_HOME/apt.conf

if [ -n "$CMLKIT_PROXY" ]; then
  export http_proxy=$CMLKIT_PROXY https_proxy=$CMLKIT_PROXY no_proxy=localhost,127.0.0.1${CMLKIT_NO_PROXY:+,$CMLKIT_NO_PROXY}
  export HTTP_PROXY=$http_proxy HTTPS_PROXY=$https_proxy NO_PROXY=$no_proxy
fi

say() {
  echo "cmlkit: $*"
  { echo "cmlkit: $*" >/dev/console; } 2>/dev/null || true
}

limit_the_life() {
  step='starting the timer'
  systemd-run --quiet --unit=cmlkit-lifetime --on-active="$SECONDS_TO_LIVE" systemctl poweroff
}

leave() {
  trap - EXIT
  say "preparing the image failed: $step"
  systemctl poweroff || poweroff
}

keep_packages_as_they_are() {
  step='configuring apt'
  mkdir -p "$CMLKIT_HOME"
  echo 'DPkg::Lock::Timeout "300";' >"$APT_CONFIG"
  timeout 60 systemctl --quiet stop apt-daily.timer apt-daily-upgrade.timer apt-daily.service \
    apt-daily-upgrade.service unattended-upgrades.service 2>/dev/null || true
}

install_packages() {
  step='installing packages'
  apt-get update --quiet --quiet
  apt-get install --quiet --quiet --yes --no-install-recommends ca-certificates curl git python3 python3-venv
}

install_uv() {
  step='installing uv'
  python3 -m venv "$CMLKIT_HOME/uv"
  echo "${UV//$'\n'/}" >"$CMLKIT_HOME/uv/requirements.txt"
  "$CMLKIT_HOME/uv/bin/pip" install --quiet --no-deps --only-binary :all: --require-hashes \
    --requirement "$CMLKIT_HOME/uv/requirements.txt"
  ln -sf "$CMLKIT_HOME/uv/bin/uv" "$CMLKIT_HOME/uv/bin/uvx" /usr/local/bin/
}

install_runner() {
  step='installing the runner'
  local archive=$CMLKIT_HOME/actions-runner.tar.gz
  id -u runner >/dev/null 2>&1 ||
    useradd --create-home --home-dir "$RUNNER_HOME" --shell /bin/bash --user-group runner
  curl --fail --silent --show-error --location --retry 5 --connect-timeout 15 --max-time 600 \
    --output "$archive" "$CMLKIT_RUNNER_URL"
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

run_startup_script() {
  step='running the startup script'
  bash -e <(printf '%s\n' "$CMLKIT_STARTUP_SCRIPT") </dev/null
}

# Each instance of the image is to be a new machine, whose first boot is its first.
forget_this_machine() {
  step='forgetting this machine'
  apt-get clean
  rm -f "$CMLKIT_HOME/booted" "$APT_CONFIG"
  cloud-init clean --logs
}

main() {
  trap leave EXIT
  limit_the_life
  keep_packages_as_they_are
  install_packages
  install_uv
  install_runner
  run_startup_script
  forget_this_machine
  trap - EXIT
  say 'the image is prepared'
}

main
