"""A real Slurm on loopback: munged, slurmctld and slurmd, all in a folder of their own and gone at the end."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CONFIG = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits this long, and so does one whose end is not known.
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
# A container has no cgroups to give away.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=1,sched_interval=5
KillWait=5
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
STAND_INS = Path(__file__).parent / "bin"


def wait_until(fact: Callable[[], object], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)


@contextlib.contextmanager
def start_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands reach the cluster. Jobs and daemons end with the context."""
    config = write_config(folder)
    environment = {"SLURM_CONF": str(config), "PATH": f"{STAND_INS}:{os.environ['PATH']}"}
    munge = folder / "munge"
    munged = ["munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={munge}/key"]
    munged += [f"--{name}-file={munge}/{name}" for name in ("log", "pid", "seed")]
    with contextlib.ExitStack() as daemons:
        daemons.enter_context(run_daemon(munged, folder, environment))
        wait_until((munge / "socket").exists, seconds=20, what="munged opens its socket")
        daemons.enter_context(run_daemon(["slurmctld", "-D", "-f", str(config)], folder, environment))
        node = ["slurmd", "-D", "-f", str(config), "-N", socket.gethostname()]
        daemons.enter_context(run_daemon(node, folder, environment))
        wait_until(
            lambda: "idle" in ask(environment, "sinfo", "-h", "-o", "%t"), seconds=60, what="the node is idle"
        )
        try:
            yield environment
        finally:
            ask(environment, "scancel", "--full", "--user=root")
            wait_until(lambda: not ask(environment, "squeue", "-h"), seconds=60, what="no job is left")


def write_config(folder: Path) -> Path:
    """slurm.conf and a munge key in `folder`."""
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(mode=0o755)
    key = folder / "munge" / "key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    with socket.socket() as first, socket.socket() as second:
        ports = []
        for free in (first, second):
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    config = folder / "slurm.conf"
    config.write_text(
        CONFIG.format(host=socket.gethostname(), controller_port=ports[0], node_port=ports[1], folder=folder)
    )
    return config


@contextlib.contextmanager
def run_daemon(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A daemon in the foreground, its output in `folder`; ended with the context."""
    executable = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if executable is None:
        raise FileNotFoundError(f"{command[0]} is not installed; run tests/slurm/install.sh")
    with (
        (folder / f"{command[0]}.out").open("w") as output,
        subprocess.Popen(
            [executable, *command[1:]], env=os.environ | environment, stdout=output, stderr=output
        ) as daemon,
    ):
        try:
            yield
        finally:
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()


def ask(environment: dict[str, str], *command: str) -> str:
    """What a command of Slurm's prints; empty where it fails."""
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
