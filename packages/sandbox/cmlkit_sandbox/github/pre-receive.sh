#!/bin/bash
# What GitHub refuses of a push: changes of protected branches, files above 100 MiB, pointers of Git LFS whose bytes
# it does not have, and workflow files that no branch has if the token lacks the permission for them.
# The server gives the rules in CMLKIT_SANDBOX_RULES, one "RULE REF" a line, and GitHub's words about workflow files,
# with {} for the path, in CMLKIT_SANDBOX_WORKFLOWS; those are empty for a token with the permission.
set -uo pipefail

FILE_LIMIT_BYTES=$((100 * 1024 * 1024))
NO_SHA=0000000000000000000000000000000000000000

rule_of() {
  sed -n "s|^\([a-z_]*\) $1\$|\1|p" <<<"${CMLKIT_SANDBOX_RULES:-}"
}

is_forced() {
  [ "$1" != "$NO_SHA" ] && [ "$2" != "$NO_SHA" ] && ! git merge-base --is-ancestor "$1" "$2"
}

large_files() {
  git rev-list --objects "$1" --not --all |
    git cat-file --batch-check='%(objecttype) %(objectsize) %(rest)' |
    awk -v limit="$FILE_LIMIT_BYTES" '$1 == "blob" && $2 > limit { print $3 }'
}

# Ids of LFS objects that new pointers name and that were not uploaded.
missing_objects() {
  git rev-list --objects "$1" --not --all |
    git cat-file --batch-check='%(objecttype) %(objectsize) %(objectname) %(rest)' |
    awk '$1 == "blob" && $2 < 1024 { print $3 }' |
    git cat-file --batch |
    grep --text --after-context=1 '^version https://git-lfs.github.com/spec/v1$' |
    sed -n 's/^oid sha256:\([0-9a-f]\{64\}\)$/\1/p' |
    while read -r oid; do
      [ -e "lfs/objects/${oid:0:2}/${oid:2:2}/$oid" ] || echo "$oid"
    done
}

# The path of a workflow file of a commit if no branch has the same files.
new_workflow() {
  tree=$(git rev-parse --quiet --verify "$1:.github/workflows") || return 0
  git for-each-ref --format='%(objectname)' refs/heads/ |
    while read -r tip; do
      git rev-parse --quiet --verify "$tip:.github/workflows"
    done | grep -x "$tree" >/dev/null && return 0  # not -q: it would end the loop, which then counts as failed
  git ls-tree -r --name-only "$1" .github/workflows/ | head -n 1
}

while read -r old new ref; do
  rule=$(rule_of "$ref")
  if [ "$rule" = non_fast_forward ] && ! is_forced "$old" "$new"; then
    rule=
  fi
  if [ -n "$rule" ]; then
    echo "error: GH006: Protected branch update failed for $ref." >&2
    exit 1
  fi
  [ "$new" != "$NO_SHA" ] || continue
  large=$(large_files "$new")
  if [ -n "$large" ]; then
    echo "error: GH001: Large files detected. File $large exceeds GitHub's file size limit of 100.00 MB." >&2
    exit 1
  fi
  workflow=${CMLKIT_SANDBOX_WORKFLOWS:+$(new_workflow "$new")}
  if [ -n "$workflow" ]; then
    echo "${CMLKIT_SANDBOX_WORKFLOWS/\{\}/$workflow}" >&2
    exit 1
  fi
  missing=$(missing_objects "$new")
  if [ -n "$missing" ]; then
    echo "error: GH008: Your push referenced at least $(wc -l <<<"$missing") unknown Git LFS object:" >&2
    echo "$missing" >&2
    exit 1
  fi
done
