#!/usr/bin/env bash
# Installs what the project's scripts need and this machine lacks: the npm packages and redis-server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# npm notes in this file what it has installed.
installed=node_modules/.package-lock.json
if [[ ! -e $installed || package-lock.json -nt $installed ]]; then
  echo 'Installing the npm packages …'
  npm ci --no-progress
  touch "$installed"
fi

if ! command -v redis-server >/dev/null; then
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo 'redis-server is not on PATH. Install it (on Debian and Ubuntu: sudo apt-get install redis-server) and start this again.' >&2
    exit 1
  fi
  echo 'Installing redis-server …'
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends redis-server </dev/null >/dev/null
fi
