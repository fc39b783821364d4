#!/bin/bash
# The one life of an instance: start the lifetime timer, be a runner for one job, power off.
#
# cmlkit/runner/boot.py puts the CMLKIT_* assignments and two parts before this script, and drops indentation and
# full-line comments of all three to stay below the cloud's limit: no string here may depend on them. Its docstring lists
# the commands that this script calls. Everything runs from main(), after bash has read the whole file. Needs bash 4.4.
#
# The cloud's part (such as clouds/aws/metadata.sh) defines functions that print a value, or fail if it is unknown:
#   instance_id                 the id of this instance
#   launch_time                 when it was launched, in a form that `date --date` reads
#   taken_back                  the cloud's notice that it takes this instance back; fails as long as none came
#   local_services              addresses, separated by commas, that only this instance can ask, so that no proxy may
# The forge's part (such as forges/github/agent.sh) defines functions for the forge's runner application, the agent:
#   agent_install               install the current agent; called once, before all others
#   agent_environment           put the NAME=value lines of its standard input into the environment of every job
#   agent_run COMMAND…          in its own shell: exec COMMAND… with the agent, which becomes the runner of
#                               CMLKIT_CREDENTIAL, runs one job and ends
#   agent_refusal               after agent_run: print why the forge refused the agent; fail if it did not
#   agent_jobs                  print the process id of each job, whose children are the job's steps; nothing while idle
#   agent_warning TITLE TEXT    print a line that the forge shows as a warning if it is in a job's log
# They may call say, warn, fail, request, download and as_runner, and read CMLKIT_* and RUNNER_HOME. At the top level
# they may only assign constants and define functions: nothing may run before the lifetime timer.
set -euo pipefail
# Hardened images have a stricter umask, under which the runner could not reach its own directory.
umask 022

CMLKIT_HOME=${CMLKIT_HOME:-/opt/cmlkit}
RUNNER_USER=runner
POLL_SECONDS=5
SCRIPT_STARTED=$(date +%s)
# The runner's archive has some 250 MB; a download without an end must not fill the disk.
DOWNLOAD_KIB=4194304
# The time limit of urlopen is that of each piece.
PYTHON_REQUEST='
import shutil, signal, sys, urllib.request
method, url, header, seconds = sys.argv[1:]
signal.setitimer(signal.ITIMER_REAL, float(seconds))
request = urllib.request.Request(url, method=method, headers=dict([header.split(": ", 1)]))
shutil.copyfileobj(urllib.request.urlopen(request, timeout=min(float(seconds), 15)), sys.stdout.buffer)
'

say() {
  echo "cmlkit: $*" || true
  # Clouds keep the console's output; whether standard output reaches it depends on the image's cloud-init.
  { echo "cmlkit: $*" >/dev/console; } 2>/dev/null || true
}

# The launch shows warnings, if they are on the console before the runner is online.
warn() {
  say "warning: $*"
}

uptime_seconds() {
  local up
  read -r up _ </proc/uptime
  echo "$up"
}

# Convert seconds with two decimals, as in /proc/uptime and from boot.py, to a whole number of hundredths.
hundredths() {
  echo "$((10#${1/./}))"
}

# NAME: begin this step of the boot.
begin() {
  current_step=$1
  say "stage=$1 uptime=$(uptime_seconds)"
  # For the report's timeline; the first steps come before the folder.
  { printf '%s %(%s)T\n' "$1" -1 >>"$CMLKIT_HOME/marks"; } 2>/dev/null || true
}

fail() {
  reason=$1
  exit 1
}

# Sleep without holding a pipe open, so that a reader of this script's output sees the end when the script ends.
pause() {
  sleep "$1" >/dev/null 2>&1
}

power_off() {
  begin power-off
  say "powering off: $1"
  systemctl poweroff || poweroff || {
    # If a shutdown is under way already, do not cut it short: the training may be writing its checkpoint.
    [ "$(systemctl is-system-running)" = stopping ] || systemctl poweroff --force --force
  }
}

arm_lifetime_timer() {
  begin lifetime-timer
  local farewell="cmlkit: powering off: the lifetime of $CMLKIT_MAX_LIFETIME s is over"
  # A systemd unit outlives this script, whatever kills it.
  systemd-run --quiet --unit=cmlkit-lifetime --description='End of the lifetime of this instance' \
    --on-active="$CMLKIT_MAX_LIFETIME" --timer-property=AccuracySec=1s \
    /bin/sh -c "echo '$farewell'; echo '$farewell' >/dev/console; systemctl poweroff" && return
  say "no systemd-run: a background process keeps the lifetime"
  # Ignore the signals that end this script, to outlive it.
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
  begin exit-trap
}

leave() {
  local status=$?
  trap '' HUP INT TERM
  trap - EXIT
  # A failure in here must not prevent the power-off.
  set +e
  kill "${watchers[@]}" 2>/dev/null
  power_off "${reason:-the step $current_step failed with status $status}"
}

# The credential works once, and the lifetime timer does not survive a reboot: a second boot has no purpose.
allow_one_boot() {
  begin first-boot
  mkdir -p "$CMLKIT_HOME"
  # The agent's own processes are recognized by their real path.
  CMLKIT_HOME=$(cd "$CMLKIT_HOME" && pwd -P)
  RUNNER_HOME=$CMLKIT_HOME/home
  [ ! -e "$CMLKIT_HOME/booted" ] || fail "this machine has booted before ($CMLKIT_HOME/booted exists)"
  touch "$CMLKIT_HOME/booted"
  power_off_on_next_boot || say "no unit guards against a reboot"
}

# cloud-init does not run user data again after a reboot, so a rebooted machine would idle without any timer.
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

# No sudo for the job, unless the settings say so: root could stop the timer. The startup script is the place for
# commands that need root.
ensure_user() {
  begin user
  as_user=()
  [ "$(id -u)" -eq 0 ] || return 0
  if id -u "$RUNNER_USER" >/dev/null 2>&1; then
    mkdir -p "$RUNNER_HOME"
    chown "$RUNNER_USER": "$RUNNER_HOME"
  else
    useradd --create-home --home-dir "$RUNNER_HOME" --shell /bin/bash --user-group "$RUNNER_USER"
  fi
  # Not runuser, which stays as the parent, kills its child two seconds after a SIGTERM, and can hang in a shutdown.
  as_user=(setpriv --reuid="$RUNNER_USER" --regid="$(id -g "$RUNNER_USER" 2>/dev/null || echo "$RUNNER_USER")"
    --init-groups --)
  [ -z "$CMLKIT_SUDO" ] || grant_sudo || fail "the user $RUNNER_USER could not be given sudo: has the image the package sudo?"
}

grant_sudo() {
  local folder=${CMLKIT_SUDOERS_FOLDER:-/etc/sudoers.d}
  echo "$RUNNER_USER ALL=(ALL:ALL) NOPASSWD: ALL" >"$folder/90-cmlkit" && chmod 0440 "$folder/90-cmlkit" &&
    as_runner sudo --non-interactive true
}

# COMMAND…: run it as the user of the agent and its jobs.
as_runner() {
  "${as_user[@]}" "$@"
}

# COMMAND…: run it as the one who administers this machine. cloud-init sets no HOME, which many installers need; no
# question of a package may wait for an answer; and apt waits for its lock instead of failing.
as_administrator() {
  env HOME="${HOME:-/root}" DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_CONFIG="$CMLKIT_HOME/apt.conf" "$@"
}

# An upgrade of its own accord would hold apt's lock, or replace a library during the training. Without apt, there are no
# such units. An upgrade that runs already may take longer: then apt's patience has to do.
keep_packages_as_they_are() {
  echo 'DPkg::Lock::Timeout "300";' >"$CMLKIT_HOME/apt.conf"
  timeout 60 systemctl --quiet stop apt-daily.timer apt-daily-upgrade.timer apt-daily.service \
    apt-daily-upgrade.service unattended-upgrades.service 2>/dev/null || true
}

# The proxy of the settings, or else that of the image, for everything that this script starts: the downloads, the startup
# script, the agent and its job. The metadata service answers only the machine itself: through a proxy, the notice of a
# spot interruption would be lost, and the job's credentials would be those of another machine.
use_proxy() {
  local name value
  # Read at a login only, which user data has not.
  while IFS='=' read -r name value; do
    export "${name,,}=${value//[\"\']/}"
  done < <(sed 's/^export //' /etc/environment 2>/dev/null | grep -iE '^(http|https|no)_proxy=')
  http_proxy=${CMLKIT_PROXY:-${http_proxy-${HTTP_PROXY-}}}
  https_proxy=${CMLKIT_PROXY:-${https_proxy-${HTTPS_PROXY-}}}
  [ -n "$http_proxy$https_proxy" ] || return 0
  no_proxy=${no_proxy-${NO_PROXY-}}
  no_proxy=localhost,127.0.0.1,::1,$(local_services)${CMLKIT_NO_PROXY:+,$CMLKIT_NO_PROXY}${no_proxy:+,$no_proxy}
  # Programs differ in the spelling that they read.
  export http_proxy https_proxy no_proxy HTTP_PROXY=$http_proxy HTTPS_PROXY=$https_proxy NO_PROXY=$no_proxy
  say "a proxy is used, except for $no_proxy"
}

# METHOD URL HEADER SECONDS: print the body.
request() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --request "$1" --header "$3" --connect-timeout 15 --max-time "$4" "$2"
  else
    python3 -c "$PYTHON_REQUEST" "$@"
  fi
}

# URL FILE DELAY…: try once, and again after each delay in seconds.
download() {
  local url=$1 file=$2 delay
  shift 2
  for delay in "$@" ''; do
    (ulimit -f "$DOWNLOAD_KIB" && request GET "$url" 'Accept: application/octet-stream' 600 >"$file") && return
    say "downloading $url failed${delay:+; trying again in $delay s}"
    [ -z "$delay" ] || pause "$delay"
  done
  return 1
}

install_runner() {
  begin runner-files
  agent_install
}

write_job_environment() {
  begin job-environment
  local instance launched=
  if instance=$(instance_id); then
    launched=$(launch_time) || true
  fi
  {
    echo LANG=C.UTF-8
    echo "CMLKIT_HOME=$CMLKIT_HOME"
    echo "CMLKIT_INSTANCE_ID=$instance"
    echo "CMLKIT_INSTANCE_STARTED=$(date --date="${launched:-@$SCRIPT_STARTED}" +%s)"
    echo "$CMLKIT_JOB_ENVIRONMENT"
  } | grep '=.' | agent_environment
}

# For jobs in containers, if the settings ask for it: who may use Docker may mount the disk, and so is root.
set_up_docker() {
  begin docker
  [ -n "$CMLKIT_DOCKER" ] || return 0
  command -v docker >/dev/null || install_docker || fail "Docker could not be installed"
  if [ -n "${http_proxy-}${https_proxy-}" ]; then
    systemctl set-environment "HTTP_PROXY=$http_proxy" "HTTPS_PROXY=$https_proxy" "NO_PROXY=$no_proxy"
  fi
  if [ -e /dev/nvidiactl ] || command -v nvidia-smi >/dev/null; then
    give_gpus_to_containers
  fi
  systemctl --quiet enable docker || fail "Docker has no service to start"
  systemctl restart docker || fail "Docker does not start"
  [ "$(id -u)" -ne 0 ] || usermod --append --groups docker "$RUNNER_USER" ||
    fail "the user $RUNNER_USER could not be put into the group docker"
  as_runner docker version >/dev/null || fail "Docker has started, but the user $RUNNER_USER cannot use it"
}

install_docker() {
  if command -v apt-get >/dev/null; then
    as_administrator apt-get update --quiet --quiet &&
      as_administrator apt-get install --quiet --quiet --yes --no-install-recommends docker.io || return
    # Since Debian 13, the program `docker` is a package of its own, which docker.io only recommends.
    command -v docker >/dev/null ||
      as_administrator apt-get install --quiet --quiet --yes --no-install-recommends docker-cli
  else
    as_administrator dnf install --quiet --assumeyes docker
  fi
}

# https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html
give_gpus_to_containers() {
  if command -v nvidia-ctk >/dev/null; then
    nvidia-ctk runtime configure --runtime=docker || warn "the NVIDIA Container Toolkit could not be configured"
  else
    warn "the image has no NVIDIA Container Toolkit: containers get no GPU"
  fi
}

run_startup_script() {
  begin startup-script
  # Not as an argument, which `ps` would show, and not on standard input, which its commands could read.
  as_administrator bash -e <(printf '%s\n' "$CMLKIT_STARTUP_SCRIPT") </dev/null ||
    fail "the startup script failed with status $?"
}

power_off_without_a_job() {
  local allowed now last_busy told='' poll=$POLL_SECONDS
  allowed=$(hundredths "$CMLKIT_IDLE_TIMEOUT")
  [ "$allowed" -ge "$((poll * 100))" ] || poll=$CMLKIT_IDLE_TIMEOUT
  last_busy=$(hundredths "$(uptime_seconds)")
  while pause "$poll"; do
    now=$(hundredths "$(uptime_seconds)")
    if [ -n "$(agent_jobs)" ]; then
      [ "$told" ] || say 'a job came'
      told=1 last_busy=$now
    elif [ "$((now - last_busy))" -ge "$allowed" ]; then
      power_off "no job came within $CMLKIT_IDLE_TIMEOUT s"
      return
    fi
  done
}

children() {
  cat /proc/"$1"/task/*/children 2>/dev/null || true
}

# PROCESS STANDARD_INPUT: print the programs that a step with that input waits for. A shell must not get SIGTERM: it would
# die at once, and end the step while the training is still writing its checkpoint. Nor must a filter such as `tee`, whose
# end would break the training's output. A program passes the signal on to its own children (`cmlkit train`).
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

# Write a warning into the step's own output, which is the job's log.
tell_the_log() {
  [[ $(readlink "/proc/$1/fd/1") == pipe:* ]] || return 0
  agent_warning 'Spot interruption' "$CMLKIT_CLOUD takes this instance back: $2. The training was sent SIGTERM." \
    >"/proc/$1/fd/1"
}

# PROCESS: succeed if it only waits for a step that runs in a container. It would not pass a signal on, but end.
is_docker_exec() {
  local arguments
  mapfile -d '' -t arguments <"/proc/$1/cmdline"
  [[ ${arguments[0]-} == *docker && ${arguments[1]-} == exec ]]
} 2>/dev/null

# Print the steps that run in containers. Such a step, and the process that keeps its container up, have one parent.
steps_in_containers() {
  local first step
  for first in $(docker ps --quiet --no-trunc | xargs --no-run-if-empty docker inspect --format '{{.State.Pid}}'); do
    for step in $(children "$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$first/status")"); do
      [ "$step" = "$first" ] || echo "$step"
    done
  done
} 2>/dev/null

# JOB: print the processes of its steps.
steps_of() {
  local step
  for step in $(children "$1"); do
    if is_docker_exec "$step"; then steps_in_containers; else echo "$step"; fi
  done
}

end_the_steps() {
  local job step told=1
  for job in $(agent_jobs); do
    for step in $(steps_of "$job"); do
      # In the background: a step whose output nobody reads must not delay the signal.
      tell_the_log "$step" "$1" &
      # shellcheck disable=SC2046  # one word per process
      kill -TERM $(programs_of "$step" "$(readlink "/proc/$step/fd/0")") 2>/dev/null && told=0
    done
  done
  return "$told"
}

pass_on_interruption() {
  local notice
  until notice=$(taken_back); do pause "$POLL_SECONDS"; done
  say "spot interruption: $notice"
  echo "$notice" >"$CMLKIT_HOME/interrupted"
  until end_the_steps "$notice"; do pause "$POLL_SECONDS"; done
  say "the training was sent SIGTERM"
}

start_watchers() {
  begin watchers
  power_off_without_a_job &
  watchers+=("$!")
  pass_on_interruption &
  watchers+=("$!")
}

run_one_job() {
  local status=0 scope
  # systemd ends a service if a process in it runs out of memory (OOMPolicy=stop); here that would be this script. In its
  # own scope, delegated so that the policy is `continue`, a training that needs too much is just a failed step.
  scope=(systemd-run --quiet --scope --description='The runner and its job'
    --property=Delegate=yes --property=TasksMax=infinity --property=TimeoutStopSec=30s)
  "${scope[@]}" true || scope=()
  begin runner
  (
    export HOME=$RUNNER_HOME USER=$RUNNER_USER LOGNAME=$RUNNER_USER
    agent_run "${scope[@]}" "${as_user[@]}"
  ) </dev/null &
  # bash runs a trap only between foreground commands, but `wait` lets it run at once.
  wait "$!" || status=$?
  reason=$(agent_refusal) || reason="the runner ended with status $status"
}

# The training left the mark because it failed. The lifetime timer stays, so that no look outlasts the lease.
stay_for_a_look() {
  [ -e "$RUNNER_HOME/keep" ] && [ "$(hundredths "$CMLKIT_KEEP_ON_FAILURE")" -gt 0 ] || return 0
  # The watchdog would end an instance whose job is over.
  kill "${watchers[@]}" 2>/dev/null || true
  say "the training failed: the instance stays for $CMLKIT_KEEP_ON_FAILURE s, or until its lifetime is over"
  pause "$CMLKIT_KEEP_ON_FAILURE" &
  wait "$!" || true
}

main() {
  arm_lifetime_timer
  set_exit_trap
  allow_one_boot
  keep_packages_as_they_are
  use_proxy
  ensure_user
  install_runner
  write_job_environment
  set_up_docker
  run_startup_script
  start_watchers
  run_one_job
  stay_for_a_look
}

main
