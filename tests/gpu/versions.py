"""python -m tests.gpu.versions FOLDER: what a machine is and what is installed on it, as files to send back."""

import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from sweeps.provenance import describe_device, describe_environment

# The kernels a vLLM was built with, its driver and its CUDA say more than its version.
COMMANDS = {"gpu.txt": ["nvidia-smi"], "gpu-query.txt": ["nvidia-smi", "-q", "-d", "MEMORY,CLOCK,POWER,ECC"]}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"device": describe_device(num_devices=1).name, **describe_environment()}
    (folder / "environment.json").write_text(json.dumps(environment, indent=2) + "\n")
    packages = sorted({f"{found.name}=={found.version}" for found in distributions()}, key=str.lower)
    (folder / "packages.txt").write_text("\n".join(packages) + "\n")
    for name, command in COMMANDS.items():
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            told = f"{' '.join(command)}: {error}\n"
        (folder / name).write_text(told)
    print(json.dumps(environment, indent=2))


if __name__ == "__main__":
    main()
