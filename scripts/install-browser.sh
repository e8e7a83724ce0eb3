#!/bin/sh
# Brings Chromium for the tests in a browser, where Debian's package manager can. Without it these tests are skipped.
set -eu
if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null &&
    { apt-get update && apt-get install --yes --no-install-recommends chromium; } >/dev/null 2>&1; then
    exit 0
fi
echo "There is no Chromium: the tests in a browser will be skipped."
