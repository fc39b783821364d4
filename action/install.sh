#!/usr/bin/env bash
# Install cmlkit from the action's own folder and lock file, and put nothing but `cmlkit` on PATH.
set -euo pipefail

# One environment for each version of the action: a job may use two, and each may take several steps.
home="$RUNNER_TEMP/cmlkit-$(printf %s "$ACTION_PATH" | cksum | cut -d ' ' -f 1)"
export UV_PROJECT_ENVIRONMENT="$home/environment"
export UV_PYTHON_INSTALL_DIR="$home/python"
# Settings of the caller's own uv project are not ours.
unset UV_PYTHON UV_FROZEN UV_LOCKED UV_NO_SYNC UV_PROJECT UV_WORKING_DIRECTORY UV_DEFAULT_INDEX VIRTUAL_ENV

# scikit-learn and its kin weigh ten times the rest, and only the estimator mode of `cmlkit train` uses ours.
extras=()
if [[ "${COMMAND:-}" =~ ^[[:space:]]*train([[:space:]]|$) ]] && {
  [[ -n "${ESTIMATOR:-}" || "$COMMAND" == *--estimator* ]] ||
    grep -qsE '^[[:space:]]+estimator:[[:space:]]*[^[:space:]#]' "${CMLKIT_CONFIG:-cmlkit.yaml}"
}; then
  extras=(--extra train)
fi

# --inexact: a step without extras must not take them from the steps after it.
uv sync --quiet --no-config --frozen --no-dev --inexact --python '>=3.11' --project "$ACTION_PATH" "${extras[@]}"

mkdir -p "$home/bin"
ln -sfn "$UV_PROJECT_ENVIRONMENT/bin/cmlkit" "$home/bin/cmlkit"
echo "$home/bin" >>"$GITHUB_PATH"
echo "cmlkit=$home/bin/cmlkit" >>"$GITHUB_OUTPUT"
