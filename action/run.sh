#!/usr/bin/env bash
# Run `cmlkit $COMMAND`. The words are split at white space, never evaluated.
set -euo pipefail

if [[ "$COMMAND" == *[\"\']* ]]; then
  echo "::error title=cmlkit::The action splits its command at spaces and does not support quotes." \
    "Give values with spaces in their own input or in cmlkit.yaml, or run cmlkit in a step of your own." >&2
  exit 2
fi
read -r -d '' -a arguments <<<"$COMMAND" || true

verb=""
for verb in "${arguments[@]}"; do
  [[ "$verb" == -* ]] || break
done
case "$verb" in
  asset | check | comment | doctor | model | pr | publish | rerun-workflow | runner | send-comment | send-github-check | workflow)
    # A token that the workflow sets goes before the job's own, which checks need beside a personal one.
    if [[ -z "${CMLKIT_TOKEN:-}${GITHUB_TOKEN:-}" ]]; then
      export CMLKIT_TOKEN="${REPO_TOKEN:-${repo_token:-}}"
    fi
    export GITHUB_TOKEN="${GITHUB_TOKEN:-${JOB_TOKEN:-}}"
    ;;
esac
# `train` above all must not have it: it runs other people's code.
unset JOB_TOKEN
# One stream, so that output and the groups around it stay in order.
exec "$CMLKIT" "${arguments[@]}" 2>&1
