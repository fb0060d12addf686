#!/bin/sh
# Asks pip-audit for known holes in every package of the locks: `ops/setup/audit.sh`; part of `make check`.
#
# Owns nothing. pip-audit is no dependency of ours: it is used where it is installed (PIP_AUDIT names one). Invariants: a known hole fails (status 1);
# what cannot be asked, for want of pip-audit or of a network, is a line and no failure; what pip-audit left out (an index without advisories) is not called well.
set -u
cd "$(dirname "$0")/../.." || exit 8
tool=${PIP_AUDIT:-pip-audit}
if ! command -v "$tool" >/dev/null 2>&1; then
    echo "audit: pip-audit is not installed, nothing was asked (pipx install pip-audit)"
    exit 0
fi
for lock in runtime office; do
    said=$("$tool" --require-hashes --disable-pip --progress-spinner off -r "requirements/$lock.txt" 2>&1)
    status=$?
    left_out=$(printf '%s\n' "$said" | grep -c 'could not be audited')
    if [ "$status" -eq 0 ] && [ "$left_out" -gt 0 ]; then
        echo "audit: $lock: pip-audit left out $left_out packages: the index it asked has no advisories of them"
    elif [ "$status" -eq 0 ]; then
        echo "audit: $lock: no known hole"
    elif printf '%s' "$said" | grep -qiE 'found [0-9]+ known vulnerabilit'; then
        printf '%s\n' "$said"
        exit 1
    else
        echo "audit: $lock: pip-audit could not ask: $(printf '%s' "$said" | tail -n 1)"
    fi
done
