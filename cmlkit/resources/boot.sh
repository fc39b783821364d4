#!/bin/bash
# The one life of an instance: arm the timer that ends it, be a runner for one job, power off.
#
# cmlkit/bootstrap.py puts the CMLKIT_* assignments before the first line of code, and drops indentation and full-line
# comments to leave room below EC2's limit: no string here may need them. Its docstring lists what this script calls.
# Everything runs from main(), after bash has read the whole file. Needs bash 4.4 or newer.
set -euo pipefail
# Hardened images have a stricter one, behind which the runner could not reach its own directory.
umask 022

CMLKIT_HOME=${CMLKIT_HOME:-/opt/cmlkit}
METADATA=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
RUNNER_USER=runner
POLL_SECONDS=5
SCRIPT_STARTED=$(date +%s)
PYTHON_REQUEST='
import shutil, sys, urllib.request
method, url, header, seconds = sys.argv[1:]
request = urllib.request.Request(url, method=method, headers=dict([header.split(": ", 1)]))
shutil.copyfileobj(urllib.request.urlopen(request, timeout=float(seconds)), sys.stdout.buffer)
'

say() {
  echo "cmlkit: $*" || true
  # EC2 keeps what reaches the console; whether standard output does depends on the image's cloud-init.
  { echo "cmlkit: $*" >/dev/console; } 2>/dev/null || true
}

uptime_seconds() {
  local up
  read -r up _ </proc/uptime
  echo "$up"
}

# Seconds with two decimals, as /proc/uptime and bootstrap.py write them, as a whole number of hundredths.
hundredths() {
  echo "$((10#${1/./}))"
}

stage() {
  current_stage=$1
  say "stage=$1 uptime=$(uptime_seconds)"
}

fail() {
  reason=$1
  exit 1
}

# A sleep that holds no pipe open, so that whoever reads this script's output sees its end when it ends.
pause() {
  sleep "$1" >/dev/null 2>&1
}

power_off() {
  stage power-off
  say "powering off: $1"
  systemctl poweroff || poweroff || {
    # Refused because a shutdown is under way already: not to be cut short, the training may be writing its checkpoint.
    [ "$(systemctl is-system-running)" = stopping ] || systemctl poweroff --force --force
  }
}

arm_lifetime_timer() {
  stage lifetime-timer
  local farewell="cmlkit: powering off: the lifetime of $CMLKIT_MAX_LIFETIME s is over"
  # A unit of systemd's own outlives this script, whatever kills it.
  systemd-run --quiet --unit=cmlkit-lifetime --description='End of the lifetime of this instance' \
    --on-active="$CMLKIT_MAX_LIFETIME" --timer-property=AccuracySec=1s \
    /bin/sh -c "echo '$farewell'; echo '$farewell' >/dev/console; systemctl poweroff" && return
  say "systemd-run is not usable: a background process keeps the lifetime instead"
  # Not killed by the signals that end this script, so that it is still there when they do.
  (
    trap '' HUP INT TERM
    pause "$CMLKIT_MAX_LIFETIME"
    power_off "the lifetime of $CMLKIT_MAX_LIFETIME s is over"
  ) &
}

set_exit_trap() {
  reason=
  watchers=()
  trap leave EXIT
  trap 'reason="the boot script was told to end"; exit 143' HUP INT TERM
  stage exit-trap
}

leave() {
  local status=$?
  trap '' HUP INT TERM
  trap - EXIT
  # A failure in here must not stop the way to the power-off.
  set +e
  kill "${watchers[@]}" 2>/dev/null
  power_off "${reason:-the stage $current_stage failed with status $status}"
}

# The JIT config registers once, and the lifetime timer does not survive a reboot: a second boot has no purpose.
allow_one_boot() {
  stage first-boot
  mkdir -p "$CMLKIT_HOME"
  # The runner's own processes are recognised by their real path.
  CMLKIT_HOME=$(cd "$CMLKIT_HOME" && pwd -P)
  RUNNER_HOME=$CMLKIT_HOME/home
  RUNNER_DIR=$RUNNER_HOME/actions-runner
  [ ! -e "$CMLKIT_HOME/booted" ] || fail "this machine has booted before ($CMLKIT_HOME/booted exists)"
  touch "$CMLKIT_HOME/booted"
  power_off_on_next_boot || say "no unit guards against a reboot: systemctl enable failed"
}

# cloud-init does not run user data again after a reboot, so that a rebooted machine would idle with no timer at all.
power_off_on_next_boot() {
  local this_boot=/proc/sys/kernel/random/boot_id
  cat >"$CMLKIT_HOME/cmlkit-second-boot.service" <<UNIT
[Unit]
Description=Power off a cmlkit instance that has booted a second time
[Service]
Type=oneshot
StandardOutput=journal+console
ExecStart=/bin/sh -c 'grep -q $(cat "$this_boot") $this_boot || { echo cmlkit: powering off: this is a second boot; systemctl poweroff; }'
[Install]
WantedBy=multi-user.target
UNIT
  systemctl --quiet --no-reload enable "$CMLKIT_HOME/cmlkit-second-boot.service"
}

# No sudo for the job: whoever is root can disarm the timer. The startup script is the place for what needs root,
# and may grant more where the owner of the account wants that.
ensure_user() {
  stage user
  as_runner=()
  [ "$(id -u)" -eq 0 ] || return 0
  if id -u "$RUNNER_USER" >/dev/null 2>&1; then
    mkdir -p "$RUNNER_HOME"
    chown "$RUNNER_USER": "$RUNNER_HOME"
  else
    useradd --create-home --home-dir "$RUNNER_HOME" --shell /bin/bash --user-group "$RUNNER_USER"
  fi
  # Not runuser, which stays as the parent, kills its child two seconds after a SIGTERM, and can hang in a shutdown.
  as_runner=(setpriv --reuid="$RUNNER_USER" --regid="$(id -g "$RUNNER_USER" 2>/dev/null || echo "$RUNNER_USER")")
  as_runner+=(--init-groups --)
}

# METHOD URL HEADER SECONDS: the body on standard output.
request() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --request "$1" --header "$3" --max-time "$4" "$2"
  else
    python3 -c "$PYTHON_REQUEST" "$@"
  fi
}

download() {
  local delay
  for delay in 1 2 4 8 ''; do
    if request GET "$1" 'Accept: application/octet-stream' 600 >"$2"; then return 0; fi
    say "downloading $1 failed${delay:+; trying again in $delay s}"
    [ -z "$delay" ] || pause "$delay"
  done
  return 1
}

install_runner() {
  stage runner-files
  local archive=$CMLKIT_HOME/actions-runner.tar.gz mark=$RUNNER_DIR/.cmlkit-sha256
  if [ -x "$RUNNER_DIR/run.sh" ] && [ "$(cat "$mark" 2>/dev/null)" = "$CMLKIT_RUNNER_SHA256" ]; then
    say "the image has this runner already"
    return 0
  fi
  download "$CMLKIT_RUNNER_URL" "$archive" || fail "the runner could not be downloaded from $CMLKIT_RUNNER_URL"
  sha256sum --check --status <<<"$CMLKIT_RUNNER_SHA256  $archive" ||
    fail "the runner from $CMLKIT_RUNNER_URL does not have the checksum $CMLKIT_RUNNER_SHA256; it was not unpacked"
  rm -rf "$RUNNER_DIR"
  "${as_runner[@]}" mkdir -p "$RUNNER_DIR"
  "${as_runner[@]}" tar -xzf - -C "$RUNNER_DIR" <"$archive"
  rm -f "$archive"
}

# PATH: what the instance metadata service (version 2) answers; fails when there is no such service or entry.
metadata() {
  local token
  token=$(request PUT "${METADATA%/}/latest/api/token" 'X-aws-ec2-metadata-token-ttl-seconds: 60' 1) || return 1
  request GET "${METADATA%/}$1" "X-aws-ec2-metadata-token: $token" 1
} 2>/dev/null

# The runner puts the lines of its .env file, unquoted, into the environment of every job.
write_job_environment() {
  stage job-environment
  local instance='' launched=''
  if instance=$(metadata /latest/meta-data/instance-id); then
    launched=$(metadata /latest/dynamic/instance-identity/document | sed -n 's/.*"pendingTime" *: *"\([^"]*\)".*/\1/p') ||
      launched=
  fi
  {
    echo LANG=C.UTF-8
    echo "CMLKIT_HOME=$CMLKIT_HOME"
    echo "CMLKIT_INSTANCE_ID=$instance"
    echo "CMLKIT_INSTANCE_STARTED=$(date --date="${launched:-@$SCRIPT_STARTED}" +%s)"
    echo "$CMLKIT_JOB_ENVIRONMENT"
  } | grep '=.' | "${as_runner[@]}" tee "$RUNNER_DIR/.env" >/dev/null
}

run_startup_script() {
  stage startup-script
  # Not as an argument, where `ps` would show it, and not on standard input, where its commands could swallow it.
  bash -e <(printf '%s\n' "$CMLKIT_STARTUP_SCRIPT") </dev/null || fail "the startup script failed with status $?"
}

# Another program of that name is no job of ours. A runner that updated itself runs from bin.VERSION.
worker_pids() {
  local process program script
  for process in /proc/[0-9]*; do
    program='' script=''
    { read -r -d '' program && read -r -d '' script; } <"$process/cmdline" || true
    case $program:$script in
    "$RUNNER_DIR"/bin*/Runner.Worker:* | *:"$RUNNER_DIR"/bin*/Runner.Worker) echo "${process#/proc/}" ;;
    esac
  done
} 2>/dev/null

power_off_without_a_job() {
  local allowed now last_busy poll=$POLL_SECONDS
  allowed=$(hundredths "$CMLKIT_IDLE_TIMEOUT")
  [ "$allowed" -ge "$((poll * 100))" ] || poll=$CMLKIT_IDLE_TIMEOUT
  last_busy=$(hundredths "$(uptime_seconds)")
  while pause "$poll"; do
    now=$(hundredths "$(uptime_seconds)")
    if [ -n "$(worker_pids)" ]; then
      last_busy=$now
    elif [ "$((now - last_busy))" -ge "$allowed" ]; then
      power_off "no job came within $CMLKIT_IDLE_TIMEOUT s"
      return
    fi
  done
}

children() {
  cat /proc/"$1"/task/*/children 2>/dev/null || true
}

# PROCESS STANDARD_INPUT: the programs that a step with that input is waiting for. A shell that gets SIGTERM dies at once,
# which ends the step while the training is still writing its checkpoint; so does a filter, such as `tee`, whose end breaks
# the training's output. A program below the first one hears of the signal from that one (`cmlkit train`).
programs_of() {
  local below child input
  below=$(children "$1")
  input=$(readlink "/proc/$1/fd/0")
  case $(readlink "/proc/$1/exe") in
  */bash | */dash | */sh | */busybox | */zsh | */ksh*) ;;
  *) below= ;;
  esac
  for child in $below; do programs_of "$child" "$2"; done
  if [ -z "$below" ] && [[ $input != pipe:* || $input == "$2" ]]; then echo "$1"; fi
}

# Into the step's own output, which is the job's log on GitHub.
tell_the_log() {
  [[ $(readlink "/proc/$1/fd/1") == pipe:* ]] || return 0
  printf '\n::warning title=Spot interruption::AWS takes this instance back: %s. The training was sent SIGTERM.\n' \
    "$2" >"/proc/$1/fd/1"
}

end_the_steps() {
  local worker step told=1
  for worker in $(worker_pids); do
    for step in $(children "$worker"); do
      # In the background: a step that nobody reads must not hold up the signal.
      tell_the_log "$step" "$1" &
      # shellcheck disable=SC2046  # one word per process
      kill -TERM $(programs_of "$step" "$(readlink "/proc/$step/fd/0")") 2>/dev/null && told=0
    done
  done
  return "$told"
}

pass_on_interruption() {
  local notice
  until notice=$(metadata /latest/meta-data/spot/instance-action); do pause "$POLL_SECONDS"; done
  say "spot interruption: $notice"
  echo "$notice" >"$CMLKIT_HOME/interrupted"
  until end_the_steps "$notice"; do pause "$POLL_SECONDS"; done
  say "the training was sent SIGTERM"
}

start_watchers() {
  stage watchers
  power_off_without_a_job &
  watchers+=("$!")
  pass_on_interruption &
  watchers+=("$!")
}

run_one_job() {
  local runner status=0 scope
  # systemd ends a service in which a process runs out of memory (OOMPolicy=stop), and here that would be this script. In
  # a scope of its own, delegated so that the policy is `continue`, a training that needs too much is just a failed step.
  scope=(systemd-run --quiet --scope --description='The runner and its job'
    --property=Delegate=yes --property=TasksMax=infinity --property=TimeoutStopSec=30s)
  "${scope[@]}" true || scope=()
  cd "$RUNNER_DIR"
  stage runner
  (
    # The environment, unlike the arguments, is hidden from other users; the runner removes this variable on its start.
    export ACTIONS_RUNNER_INPUT_JITCONFIG=$CMLKIT_JIT_CONFIG
    export HOME=$RUNNER_HOME USER=$RUNNER_USER LOGNAME=$RUNNER_USER
    # Without ICU, which some images lack, .NET refuses to start.
    [[ $(ldconfig -p 2>/dev/null) == *libicuuc* ]] || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    exec "${scope[@]}" "${as_runner[@]}" ./run.sh
  ) </dev/null &
  runner=$!
  # bash runs a trap only between foreground commands; `wait` gives way to it.
  wait "$runner" || status=$?
  reason="the runner ended with status $status"
}

main() {
  arm_lifetime_timer
  set_exit_trap
  allow_one_boot
  ensure_user
  install_runner
  write_job_environment
  run_startup_script
  start_watchers
  run_one_job
}

main
