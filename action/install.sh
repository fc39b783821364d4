#!/usr/bin/env bash
# Install cmlkit from the action's own folder and lock file; put only `cmlkit` and its names on PATH.
set -euo pipefail

# One environment per version of the action: a job may use two versions, each in several steps.
home="$RUNNER_TEMP/cmlkit-$(printf %s "$ACTION_PATH" | cksum | cut -d ' ' -f 1)"
export UV_PROJECT_ENVIRONMENT="$home/environment"
export UV_PYTHON_INSTALL_DIR="$home/python"
# The caller's settings for its own uv project are not meant for this one.
unset UV_LOCKED UV_NO_SYNC UV_NO_EDITABLE UV_PROJECT UV_WORKING_DIRECTORY UV_NO_BINARY UV_NO_BINARY_PACKAGE VIRTUAL_ENV

# --inexact: a step without extras must not remove them from later steps.
options=(--quiet --frozen --no-dev --inexact --python ">=3.11" --project "$ACTION_PATH")
# A build fetches tools whose hashes no lock file has. Beside AWS keys nothing is built, not even cmlkit.
options+=(--no-build --no-install-workspace)

# Whether `cmlkit train` gets a setting, from the input, a flag or the settings file.
trains_with() {
  [[ "$verb" == train ]] && {
    [[ -n "$2" || "${COMMAND:-}" == *--"$1"* ]] ||
      grep -qsE "^[[:space:]]+$1:[[:space:]]*([^[:space:]#]|\$)" "${CMLKIT_CONFIG:-cmlkit.yaml}"
  }
}
read -r verb _ <<<"${COMMAND:-}" || true
# scikit-learn and its dependencies are ten times as large as the rest, and only estimators of `cmlkit train` use them.
if trains_with estimator "${ESTIMATOR:-}"; then
  # With skops, which is small in comparison, for the format of that name.
  options+=(--extra skops)
  if grep -qs intelex - "${CMLKIT_CONFIG:-cmlkit.yaml}" <<<"${ACCELERATOR:-} ${COMMAND:-}"; then
    options+=(--extra intelex)
  fi
  # Which files are Parquet is seen only in the checkout.
  if grep -qsi parquet - "${CMLKIT_CONFIG:-cmlkit.yaml}" <<<"${COMMAND:-} $(git ls-files '*.parquet' '*.pq' 2>/dev/null | head -n 1)"; then
    options+=(--extra parquet)
  fi
fi
# The confidence intervals of a score command need numpy.
if trains_with score "${SCORE:-}"; then
  options+=(--extra score)
fi
# A GitHub App signs its requests, which needs a library.
if [[ -n "${CMLKIT_APP_ID:-}" ]]; then
  options+=(--extra app)
fi

uv sync "${options[@]}"

# cmlkit runs from the action's folder. The path file serves its subprocesses too; -P keeps the job's files out of imports.
for site in "$UV_PROJECT_ENVIRONMENT"/lib/python3*/site-packages; do
  printf '%s\n' "$ACTION_PATH" >"$site/cmlkit.pth"
done
mkdir -p "$home/bin"
for name in "" pr publish runner send-comment send-github-check tensorboard-dev; do
  program="$home/bin/cmlkit${name:+-$name}"
  printf '#!/usr/bin/env bash\nexec %q -P -m cmlkit %s "$@"\n' "$UV_PROJECT_ENVIRONMENT/bin/python" "$name" >"$program"
  chmod +x "$program"
done
if [[ "${CML:-}" == true ]]; then
  # From an empty folder: the settings of the project say nothing about it, and may be wrong.
  (cd "$home" && CMLKIT_CONFIG="" "$home/bin/cmlkit" alias "$home/bin")
fi
echo "$home/bin" >>"$GITHUB_PATH"
echo "cmlkit=$home/bin/cmlkit" >>"$GITHUB_OUTPUT"
