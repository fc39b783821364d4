#!/usr/bin/env bash
# Install cmlkit from the action's own folder and lock file, and put nothing but `cmlkit` on PATH.
set -euo pipefail

# One environment for each version of the action: a job may use two, and each may take several steps.
home="$RUNNER_TEMP/cmlkit-$(printf %s "$ACTION_PATH" | cksum | cut -d ' ' -f 1)"
export UV_PROJECT_ENVIRONMENT="$home/environment"
export UV_PYTHON_INSTALL_DIR="$home/python"
# What the caller's job says of its own uv project is not meant for this one.
unset UV_LOCKED UV_NO_SYNC UV_NO_EDITABLE UV_PROJECT UV_WORKING_DIRECTORY UV_NO_BINARY UV_NO_BINARY_PACKAGE VIRTUAL_ENV

# --inexact: a step without extras must not take them from the steps after it.
options=(--quiet --frozen --no-dev --inexact --python ">=3.11" --project "$ACTION_PATH")
# A build fetches its tools by name, and no lock file has their hashes: beside AWS keys nothing is built, cmlkit neither.
options+=(--no-build --no-install-workspace)

# Whether `cmlkit train` is to go by a setting: from the input, a flag or the settings file.
trains_with() {
  [[ "$verb" == train ]] && {
    [[ -n "$2" || "${COMMAND:-}" == *--"$1"* ]] ||
      grep -qsE "^[[:space:]]+$1:[[:space:]]*[^[:space:]#]" "${CMLKIT_CONFIG:-cmlkit.yaml}"
  }
}
read -r verb _ <<<"${COMMAND:-}" || true
# scikit-learn and its kin weigh ten times the rest, and only the estimator mode of `cmlkit train` uses ours.
if trains_with estimator "${ESTIMATOR:-}"; then
  # With skops, which is small beside them, for the format of that name.
  options+=(--extra skops)
fi
# The intervals of a score command are drawn with numpy.
if trains_with score "${SCORE:-}"; then
  options+=(--extra score)
fi
# A GitHub App signs its requests, which takes a library of its own.
if [[ -n "${CMLKIT_APP_ID:-}" ]]; then
  options+=(--extra app)
fi

uv sync "${options[@]}"

# cmlkit runs from the action's folder. The path file serves its subprocesses, too; -P keeps the job's files out of imports.
for site in "$UV_PROJECT_ENVIRONMENT"/lib/python3*/site-packages; do
  printf '%s\n' "$ACTION_PATH" >"$site/cmlkit.pth"
done
mkdir -p "$home/bin"
printf '#!/usr/bin/env bash\nexec %q -P -m cmlkit "$@"\n' "$UV_PROJECT_ENVIRONMENT/bin/python" >"$home/bin/cmlkit"
chmod +x "$home/bin/cmlkit"
echo "$home/bin" >>"$GITHUB_PATH"
echo "cmlkit=$home/bin/cmlkit" >>"$GITHUB_OUTPUT"
