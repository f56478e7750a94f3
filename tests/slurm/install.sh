#!/usr/bin/env bash
# Debian's Slurm and munge, where they are missing. The tests start daemons of their own, so no service is started.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
if [ "$(id -u)" != 0 ]; then
    echo "make test SUITE=slurm runs Slurm's daemons, which needs root; in a container, for instance." >&2
    exit 1
fi
if command -v slurmctld && command -v slurmd && command -v sbatch && command -v munged; then exit 0; fi > /dev/null
if ! command -v apt-get > /dev/null; then
    echo "Install Slurm and munge; apt-get, which would do it on Debian and Ubuntu, is not here." >&2
    exit 1
fi
echo "Installing slurm-wlm and munge ..."
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get update -qq
apt-get install -y -qq --no-install-recommends slurm-wlm munge > /dev/null
