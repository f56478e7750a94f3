#!/usr/bin/env bash
# The tests by the name of a suite; without one those of every change. `make test SUITE=...` calls it.
#   long    Ray and submitit with the real engine, every fault, vLLM's own server: minutes
#   server  of those, the ones that start vLLM's own server and engines that fail
#   faults  kill a sweep 20 times at random moments (KILLS), flip bits in every shard, and finish it each time
#   slurm   a sweep through a real Slurm on this machine: as root on Debian or Ubuntu, installs what it lacks
#   report  open a report in a real Chromium: installs it where it is missing (root, Debian)
set -euo pipefail
cd "$(dirname "$0")/.."
python=("${PY:-.venv/bin/python}" -m pytest)
# Workers and every command that they start would compile what they import anew: of vLLM that is most of its import.
unset PYTHONDONTWRITEBYTECODE
# Each file of a run is flushed before its next one, and a disk takes its time: runs of tests lie in memory, with room.
SHARED_MEMORY=/dev/shm ROOM_KIB=4000000
if [[ -w $SHARED_MEMORY ]] && (($(df --output=avail "$SHARED_MEMORY" | tail -n 1) > ROOM_KIB)); then
    export PYTEST_DEBUG_TEMPROOT=${PYTEST_DEBUG_TEMPROOT-$SHARED_MEMORY}
fi
# They grade thousands of answers, each in a fork of its own, which takes four times as long where a process has
# imported what the other tests need.
forking=(tests/harness/test_{barrage,escapes,grading,hostile}.py)

on_two() { "${python[@]}" -n 2 --dist loadscope --no-loadscope-reorder "$@"; }

# Both parts, even where the first one fails.
in_parts() {
    local failed=0
    on_two "$@" "${forking[@]}" || failed=$?
    on_two "$@" "${forking[@]/#/--ignore=}" || failed=$?
    return "$failed"
}

case ${1-} in
    "") in_parts ;;
    long) in_parts -m "long or server" ;;
    server) on_two -m server ;;
    faults) ISOQUANT_KILLS=${KILLS:-20} "${python[@]}" -s -m "long or not long" tests/faults ;;
    slurm) tests/slurm/install.sh && "${python[@]}" -m slurm tests/slurm ;;
    report) tests/report/install.sh && "${python[@]}" -m report tests/report ;;
    *)
        echo "There is no suite '$1'; there are long, server, faults, slurm and report, and make test without a SUITE." >&2
        exit 2
        ;;
esac
