# shellcheck shell=bash
# GitHub's part of the boot script: actions/runner. runner/life.sh says what a forge's part defines.

agent_install() {
  local archive=$CMLKIT_HOME/actions-runner.tar.gz
  RUNNER_DIR=$RUNNER_HOME/actions-runner
  if [ ! -x "$RUNNER_DIR/run.sh" ]; then
    fetch_runner "$archive" 1 2 4 8 || fail "$complaint"
  elif [ "$(cat "$RUNNER_DIR/.cmlkit-sha256" 2>/dev/null)" = "$CMLKIT_RUNNER_SHA256" ]; then
    say "the image has this runner already"
    return
  elif ! fetch_runner "$archive" 1; then
    # GitHub releases a runner every few weeks, and accepts those that are not much older. An image for a network without
    # a way to the download must not stop working with each release.
    warn "$complaint. The older runner of the image is used; prepare the image anew before GitHub refuses it."
    return
  fi
  rm -rf "$RUNNER_DIR"
  as_runner mkdir -p "$RUNNER_DIR"
  as_runner tar -xzf - -C "$RUNNER_DIR" <"$archive"
  rm -f "$archive"
}

# FILE DELAY…: fetch the current runner's archive; if it fails, set `complaint` and leave no file.
fetch_runner() {
  complaint="the runner could not be downloaded from $CMLKIT_RUNNER_URL"
  if download "$CMLKIT_RUNNER_URL" "$@"; then
    sha256sum --check --status <<<"$CMLKIT_RUNNER_SHA256  $1" && return
    complaint="the runner from $CMLKIT_RUNNER_URL does not have the checksum $CMLKIT_RUNNER_SHA256; it was not unpacked"
  fi
  rm -f "$1"
  return 1
}

# The runner puts the lines of its .env file, unquoted, into the environment of every job.
agent_environment() {
  as_runner tee "$RUNNER_DIR/.env" >/dev/null
}

agent_run() {
  cd "$RUNNER_DIR" || exit
  # The environment, unlike the arguments, is hidden from other users; the runner reads this variable like its argument
  # --jitconfig, and removes it on its start.
  export ACTIONS_RUNNER_INPUT_JITCONFIG=$CMLKIT_CREDENTIAL
  # Without ICU, which some images lack, .NET refuses to start.
  [[ $(ldconfig -p 2>/dev/null) == *libicuuc* ]] || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
  exec "$@" ./run.sh
}

# A runner that GitHub finds too old ends with status 0, as if it had done its job; only its log tells them apart.
agent_refusal() {
  local version
  version=$(cat "$RUNNER_DIR"/_diag/Runner_*.log 2>/dev/null |
    sed -n 's/.*Runner version v*\([0-9.]*\) is deprecated and cannot receive messages.*/\1/p' | tail -n 1)
  [ -n "$version" ] || return
  echo "GitHub refuses the runner's version $version as too old: prepare the image anew, or let it reach the download"
}

# Another program of that name is no job of ours. A runner that updated itself runs from bin.VERSION.
agent_jobs() {
  local process program script
  for process in /proc/[0-9]*; do
    program='' script=''
    { read -r -d '' program && read -r -d '' script; } <"$process/cmdline" || true
    case $program:$script in
    "$RUNNER_DIR"/bin*/Runner.Worker:* | *:"$RUNNER_DIR"/bin*/Runner.Worker) echo "${process#/proc/}" ;;
    esac
  done
} 2>/dev/null

agent_warning() {
  printf '\n::warning title=%s::%s\n' "$@"
}
