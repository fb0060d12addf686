#!/bin/sh
# Sets up .venv for this checkout: `ops/setup/setup_environment.sh runtime` (demo, up), `... office` (and the office), `... dev` (and tests),
# `... ha` (demo, up, and Patroni for `make ha-demo`).
# `... fuzz` (beside any of them: the fuzzer).
#
# Owns: .venv, the C that protocol/sealing imports, and nothing else. Needs: a POSIX shell and Python >= 3.11, < 3.14 (PYTHON=... names one).
# Invariants:
#   - every package comes from requirements/<kind>.txt with its hash checked;
#   - a second run with the same locks in the same folder does nothing (the stamp is a copy of what it was made from);
#   - the project itself is linked in by ops/setup/link_project.py, so no build backend is needed and none stands in
#     the runtime lock;
#   - a failure is one line that says cause and cure, and exit status 8 (environment).
set -u

kind=${1:-dev}
cd "$(dirname "$0")/../.." || exit 8
root=$(pwd -P)
lock=requirements/$kind.txt
log=.venv/setup.log

fail() { printf 'cityswitch set-up: %s\n' "$1" >&2; exit 8; }

[ -f "$lock" ] || fail "there is no lock file $lock. Cure: name one of: runtime, office, dev, ha, fuzz."

# Patroni needs two packages that are published as source alone; both are pure Python.
sources=
[ "$kind" = ha ] && sources='--no-binary python-etcd,ydiff'

# What the environment was made from. A moved checkout changes the first line, a new lock the rest.
fingerprint() { printf '%s\n' "$root"; cat "requirements/$1.txt" pyproject.toml ops/setup/setup_environment.sh ops/setup/link_project.py \
    ops/setup/build_native.py ./*/*/native.c; }
fresh() { [ -f ".venv/stamp-$1" ] && fingerprint "$1" | cmp -s - ".venv/stamp-$1"; }

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
supported() { case $(version_of "$1") in 3.11 | 3.12 | 3.13) return 0 ;; *) return 1 ;; esac; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" || fail "PYTHON=$PYTHON is $(version_of "$PYTHON" || echo "no Python that runs"), and cityswitch needs 3.11, 3.12 or 3.13. Cure: PYTHON=/path/to/python3.11 make ..."
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.11 python3.12 python3.13; do
        if supported "$candidate"; then printf '%s\n' "$candidate"; return; fi
    done
    fail "no Python 3.11, 3.12 or 3.13 found (python3 is $(version_of python3 || echo missing)). Cure: apt install python3 python3-venv, or PYTHON=/path/to/python3.11 make ..."
}

# Launchers in .venv/bin name the folder they were made in, so a moved checkout gets a new environment.
environment_works() {
    grep -qF " $root/.venv" .venv/pyvenv.cfg 2>/dev/null && .venv/bin/python -c '' 2>/dev/null &&
        { [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of .venv/bin/python)" ]; }
}

# A pip that installs into .venv: its own, else one from outside (pip >= 22.3 knows --python).
find_pip() {
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then
        pip() { .venv/bin/python -m pip "$@"; }
        return 0
    fi
    for outside in "$1 -m pip" pip3 pip; do
        if $outside --python .venv/bin/python --version >/dev/null 2>&1; then
            pip() { $outside --python .venv/bin/python "$@"; }
            return 0
        fi
    done
    return 1
}

create_environment() {
    # Debian splits ensurepip into python3-venv, and `python3 -m venv` fails without it; `--without-pip` does not.
    "$1" -m venv --clear .venv >/dev/null 2>&1 || "$1" -m venv --clear --without-pip .venv >/dev/null 2>&1 ||
        fail "$1 cannot create a virtual environment in $root/.venv. Cure: apt install python3-venv, and check that the folder is writable and the disk not full (df -h .)."
}

# dev holds all of office, and every kind all of runtime.
is_there() {
    fresh "$kind" && return 0
    case $kind in
        runtime) fresh dev || fresh office || fresh ha || fresh fuzz ;;
        office) fresh dev ;;
        *) return 1 ;;
    esac
}

if environment_works && is_there; then
    exit 0
fi

python=$(find_python) || exit 8
started=$(date +%s)
environment_works || create_environment "$python"
find_pip "$python" || fail "$python has no pip to fill .venv with (ensurepip is missing). Cure: apt install python3-venv"

rm -f ".venv/stamp-$kind"
printf 'cityswitch set-up: installing %s packages from %s into .venv (hashes checked) ...\n' \
    "$(grep -c '^[A-Za-z0-9]' "$lock")" "$lock"
if ! pip install --require-hashes --no-deps --only-binary :all: $sources --disable-pip-version-check --no-input \
    --progress-bar off -r "$lock" >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    fail "pip could not install $lock (its last lines are above, all of them in $log). Cure: check the network and the disk (df -h .), then run the same again."
fi
.venv/bin/python ops/setup/link_project.py || fail "the checkout could not be linked into .venv. Cure: check that .venv is writable (make clean makes a new one)."
.venv/bin/python ops/setup/build_native.py || printf 'cityswitch set-up: the C could not be built, and Python does its work\n'
fingerprint "$kind" >".venv/stamp-$kind"
printf 'cityswitch set-up: done in %s s (%s)\n' "$(($(date +%s) - started))" "$(.venv/bin/python --version)"
