#!/usr/bin/env bash
# Debian's Chromium, where no browser is found. The tests drive it without a window and without a network.
set -euo pipefail
if command -v chromium > /dev/null; then exit 0; fi
if ! command -v apt-get > /dev/null; then
    echo "Install Chromium; apt-get, which would do it on Debian, is not here." >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "make test SUITE=report needs Chromium: as root, apt-get install chromium; or run it as root, in a container for instance." >&2
    exit 1
fi
echo "Installing chromium ..."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-liberation > /dev/null
