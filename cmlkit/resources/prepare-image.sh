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

# COMMAND…: as the user of the jobs, in whose home pip and uv look for what is put there now.
as_runner() {
  (cd "$RUNNER_HOME" && exec setpriv --reuid=runner --regid=runner --init-groups -- \
    env HOME="$RUNNER_HOME" USER=runner LOGNAME=runner "$@")
}

# LIST: write the lines of one of the project's lists into `list`, beside its constraints.
write_list() {
  printf '%s\n' "$1" | as_runner tee "$list" >/dev/null
}

# OPTION… LIST: install a list into an environment that is thrown away: what stays is uv's cache.
fill_cache() {
  write_list "${*: -1}"
  as_runner "$uv" pip install --quiet "${@:1:$#-1}" --python "$folder/uv" --requirement "$list"
}

# uv's cache for uv; wheels for pip, which finds nothing in its own cache without asking the index first.
fetch_packages() {
  step="fetching the project's packages"
  [ -n "$CMLKIT_PACKAGES" ] || return 0
  local folder list python=python3 uv=$CMLKIT_HOME/uv/bin/uv requirements
  # A user of this name that was there before has another home.
  chown runner: "$RUNNER_HOME"
  # Below the home, so that uv can link the files of its cache instead of copying them.
  folder=$(as_runner mktemp -d "$RUNNER_HOME/packages.XXXXXX")
  list=$folder/requirements.txt
  printf '%s\n' "$CMLKIT_CONSTRAINTS" | as_runner tee "$folder/constraints.txt" >/dev/null
  if [ -n "$CMLKIT_PYTHON" ]; then
    as_runner "$uv" python find --quiet "$CMLKIT_PYTHON" >/dev/null 2>&1 ||
      as_runner "$uv" python install --quiet "$CMLKIT_PYTHON"
    python=$(as_runner "$uv" python find "$CMLKIT_PYTHON")
  fi
  if ((${#CMLKIT_LOCKED[@]} + ${#CMLKIT_UV[@]})); then
    as_runner "$uv" venv --quiet --python "$python" "$folder/uv"
    for requirements in "${CMLKIT_LOCKED[@]}"; do fill_cache --no-deps "$requirements"; done
    for requirements in "${CMLKIT_UV[@]}"; do fill_cache "$requirements"; done
  fi
  if ((${#CMLKIT_PIP[@]})); then
    as_runner "$python" -m venv "$folder/pip"
    for requirements in "${CMLKIT_PIP[@]}"; do
      write_list "$requirements"
      as_runner "$folder/pip/bin/pip" wheel --quiet --no-cache-dir --wheel-dir "$RUNNER_HOME/wheels" --requirement "$list"
    done
    as_runner "$folder/pip/bin/pip" config --quiet --user set global.find-links "$RUNNER_HOME/wheels"
  fi
  rm -rf "$folder"
  # By this `cmlkit runner image --check` knows whether they are those of the project.
  echo "$CMLKIT_PACKAGES" >"$CMLKIT_HOME/packages"
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
  fetch_packages
  forget_this_machine
  trap - EXIT
  say 'the image is prepared'
}

main
