#!/usr/bin/env bash
# Put git-lfs into a folder: the machine's own, or else that of Debian's or Ubuntu's package, which is not installed, since
# its installation would change git's settings for the whole machine.
set -euo pipefail
target=$1
found=$(command -v git-lfs || true)
if [[ -n $found ]]; then
  ln -sf "$found" "$target/git-lfs"
  exit
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! (cd "$folder" && apt-get download --quiet --quiet git-lfs 2>"$folder/log" && dpkg-deb --extract git-lfs_*.deb .); then
  cat "$folder/log" >&2
  echo "git-lfs is missing. Install it, or on Debian or Ubuntu run apt-get update, so that its package can be downloaded." >&2
  exit 2
fi
cp "$folder/usr/bin/git-lfs" "$target/git-lfs"
