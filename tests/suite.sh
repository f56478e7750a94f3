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
on_two=(-n 2 --dist loadscope --no-loadscope-reorder)

case ${1-} in
    "") "${python[@]}" "${on_two[@]}" ;;
    long) "${python[@]}" "${on_two[@]}" -m "long or server" ;;
    server) "${python[@]}" "${on_two[@]}" -m server ;;
    faults) ISOQUANT_KILLS=${KILLS:-20} "${python[@]}" -s -m "long or not long" tests/faults ;;
    slurm) tests/slurm/install.sh && "${python[@]}" -m slurm tests/slurm ;;
    report) tests/report/install.sh && "${python[@]}" -m report tests/report ;;
    *)
        echo "There is no suite '$1'; there are long, server, faults, slurm and report, and make test without a SUITE." >&2
        exit 2
        ;;
esac
