#!/usr/bin/env bash
# Installs the npm packages, redis-server and the commands given as arguments, if they are missing.
# usage: scripts/provide.sh [chromium]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# npm records the installed packages in this file.
installed=node_modules/.package-lock.json
if [[ ! -e $installed || package-lock.json -nt $installed ]]; then
  echo 'Installing the npm packages …'
  npm ci --no-progress
  touch "$installed"
fi

for command in redis-server "$@"; do
  if command -v "$command" >/dev/null; then continue; fi
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "$command is not on PATH. Install it (on Debian and Ubuntu: sudo apt-get install $command), then run this again." >&2
    exit 1
  fi
  echo "Installing $command …"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$command" </dev/null >/dev/null
done
