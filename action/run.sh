#!/usr/bin/env bash
# Run `cmlkit $COMMAND`. The words are split at white space and never evaluated.
set -euo pipefail

if [[ "$COMMAND" == *[\"\']* ]]; then
  echo "::error title=cmlkit::The action's command is split at spaces and knows no quotes." \
    "Give values with spaces by their own input, by cmlkit.yaml, or run cmlkit in a step of your own." >&2
  exit 2
fi
read -r -d '' -a arguments <<<"$COMMAND" || true

verb=""
for verb in "${arguments[@]}"; do
  [[ "$verb" == -* ]] || break
done
case "$verb" in
  asset | check | comment | doctor | model | pr | publish | runner | send-comment | send-github-check | workflow)
    export CMLKIT_TOKEN="${CMLKIT_TOKEN:-${GITHUB_TOKEN:-${REPO_TOKEN:-${JOB_TOKEN:-}}}}"
    ;;
esac
# Above all not for `train`, which runs other people's code.
unset JOB_TOKEN
# One stream, so that what is printed and the groups around it stay in order.
exec "$CMLKIT" "${arguments[@]}" 2>&1
