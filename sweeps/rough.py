"""What is roughly known of a job before its run has drawn any of it: how fast it writes, and how long it starts.

A rate is that of the same model in another run here, else of another model of this run, else follows from the
model's shapes and the device's peak. It is a range, and says what it is based on.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from harness.architecture import text_settings
from harness.engines.cpu import ELEMENT_BYTES
from results import store
from results.folder import find_visible, read_object
from results.places import HOME, REFERENCE, RUNS, find_shipped
from results.schema import MODELS, THROUGHPUT
from sweeps.devices import Peak, find_peak
from sweeps.provenance import describe_device, list_gpus

if TYPE_CHECKING:
    from sweeps.prepare import Prepared

# Other runs differ in prompts, in samples at once and in what else the machine does: on two busy cores the ladder
# was .7 to 1.5 times as quick as in results/reference.
ELSEWHERE = 2.0
# Even models of one size differ so much.
ALIKE = 1.3
# Traces of which nothing is known: from a quarter of the tokens that they may have to all.
SHORTEST = 0.25
# Shares of a peak that an engine reaches: of a GPU's; of a processor's measured float32 in float32, and in
# bfloat16, which units of its own multiply. Those of processors held three public models on two cores
# (results/real).
GPU_SHARES, FLOAT32_SHARES, BFLOAT16_SHARES = (0.2, 0.7), (0.2, 0.9), (0.25, 1.6)
# Seconds a token beside the model, and for each entry of the vocabulary that is sampled from: on a GPU with 256
# sequences at once, and on a processor as three public models and the ladder took on two cores (results/real).
GPU_BESIDE, CPU_BESIDE, CPU_A_WORD = 40e-6, 150e-6, 8e-9
STARTUP_GUESS = 60.0
LONGEST_STARTUP = 7200.0


class Rate(NamedTuple):
    """Tokens a second, from low to high, and what that is based on."""

    low: float
    high: float
    basis: str


class Startup(NamedTuple):
    """Seconds from the start of a job's process until it draws,
    and what that is based on; "" where it is measured.
    """

    seconds: float
    basis: str


def guess_rate(prepared: "Prepared") -> Rate | None:
    """How fast a job writes whose run has measured nothing of it; None where nothing lets it be told."""
    device = describe_device(num_devices=prepared.job.engine.num_devices).name if prepared.job.is_here else None
    return _of_same_model(prepared, device) or _of_other_model(prepared, device) or _of_peak(prepared)


def guess_startup(prepared: "Prepared") -> Startup:
    """How long a job of this model starts: as it did in this run, else as others did, else a guess."""
    root = prepared.job.run
    here = read_startups(root)
    if own := here.get(prepared.identity):
        return Startup(float(np.median(own)), "")
    if others := [seconds for found in here.values() for seconds in found]:
        return Startup(float(np.median(others)), "that of other models of this run")
    for other, identity in _find_same(prepared):
        if found := read_startups(other).get(identity):
            return Startup(float(np.median(found)), f"that of the same model in {other}")
    return Startup(STARTUP_GUESS, "a guess; engines load from 20 seconds to a few minutes")


def read_startups(root: Path) -> dict[str, list[float]]:
    """By identity the seconds of each job from its record, written before the engine starts, to its first drawing.

    Loading and the probe are in it. Rows whose record is not there, as in a damaged run, tell nothing.
    """
    recorded: dict[str, list[float]] = defaultdict(list)
    for path in find_visible(root / "provenance", "*.json"):
        record = read_object(path.read_text(errors="replace"), where=path)
        if (seconds := _read_time(record.get("time"))) is not None:
            recorded[str(record.get("identity"))].append(seconds)
    log = store.scan(root, THROUGHPUT, columns=["identity", "job"]).to_pylist()
    startups: dict[str, list[float]] = defaultdict(list)
    for identity, job in sorted({(row["identity"], row["job"]) for row in log}):
        began = _read_time(job)
        # Records are written to the second.
        before = [each for each in recorded[identity] if began is not None and each <= began + 1]
        if began is not None and before and began - max(before) < LONGEST_STARTUP:
            startups[identity].append(max(began - max(before), 0.0))
    return startups


def _of_same_model(prepared: "Prepared", device: str | None) -> Rate | None:
    for root, identity in _find_same(prepared):
        if found := _read_rates(root, device).get(identity):
            return Rate(found / ELSEWHERE, found * ELSEWHERE, f"the same model's tokens a second in {root}")
    return None


def _of_other_model(prepared: "Prepared", device: str | None) -> Rate | None:
    """From the model of the run that is nearest in size: as quick as that,
    to slower in proportion to its weights.
    """
    rates = _read_rates(prepared.job.run, device)
    rows = store.scan(prepared.job.run, MODELS, columns=["identity", "model", "num_matmul_params"]).to_pylist()
    mine = prepared.checkpoint.architecture.num_matmul_params
    known = [
        (row["num_matmul_params"] / mine, row)
        for row in rows
        if row["identity"] in rates and row["num_matmul_params"]
    ]
    if not known:
        return None
    ratio, row = min(known, key=lambda each: abs(float(np.log(each[0]))))
    rate = rates[row["identity"]]
    low, high = sorted((rate, rate * ratio))
    return Rate(
        low / ALIKE, high * ALIKE, f"the tokens a second of {row['model']} in this run, by the models' sizes"
    )


def _of_peak(prepared: "Prepared") -> Rate | None:
    """From shapes and the device's peak; None where no peak is known, as of a server or of other machines."""
    engine = prepared.job.engine
    if not prepared.job.is_here or not engine.num_devices:
        return None
    peak = find_peak(num_threads=getattr(engine, "cpu_threads", None))
    if peak is None:
        return None
    is_gpu = bool(list_gpus())
    seconds = decode_seconds(prepared, peak)
    words = text_settings(prepared.checkpoint.config).get("vocab_size") or 0
    beside = GPU_BESIDE if is_gpu else CPU_BESIDE + CPU_A_WORD * words
    of_processor = FLOAT32_SHARES if engine.dtype in ELEMENT_BYTES else BFLOAT16_SHARES
    shares = GPU_SHARES if is_gpu else of_processor
    low, high = (engine.num_devices / (seconds / share + beside) for share in shares)
    return Rate(low / ALIKE, high * ALIKE, f"the model's shapes and the peak of {peak.source}")


def decode_seconds(prepared: "Prepared", peak: Peak) -> float:
    """Seconds a token at the device's peak, the larger of computing and reading,
    in the midst of the longest trace.

    Two FLOPs a weight; weights are read once for all samples in flight, keys and values for each. Source: Williams
    et al. 2009 (the roofline), with the bytes of Pope et al. 2022 (arXiv 2211.05102).
    """
    shape, engine, context = prepared.checkpoint.architecture, prepared.job.engine, prepared.max_model_len / 2
    size = ELEMENT_BYTES.get(engine.dtype, 2)
    growing = shape.num_layers - shape.num_linear_layers - shape.num_window_layers
    attended = growing * context + shape.num_window_layers * min(context, shape.window or 0)
    width = shape.num_heads * (shape.head_dim + shape.value_head_dim) / 2
    flops = 2 * shape.num_matmul_params + 4 * width * attended
    # Every weight is met where many samples are in flight, of experts too.
    weights = shape.quantized_bytes or shape.num_params * size
    num_bytes = (
        weights / min(engine.samples_in_flight, max(prepared.num_pending, 1))
        + attended * shape.cached_width * size
    )
    return float(max(flops / peak.flops, num_bytes / peak.bytes_per_second))


def _find_same(prepared: "Prepared") -> Iterator[tuple[Path, str]]:
    """Other runs here that hold rows of the same weights, the newest first and what isoquant brings last."""
    folders = {
        path.resolve(): path for home in (HOME, Path()) for path in (home / RUNS).glob("*") if path.is_dir()
    }
    newest = sorted(folders.values(), key=lambda path: path.stat().st_mtime, reverse=True)
    for root in (*newest, Path(find_shipped(REFERENCE))):
        if root.resolve() == prepared.job.run.resolve():
            continue
        try:
            rows = store.scan(root, MODELS, columns=["identity", "weights_digest"]).to_pylist()
        except (ValueError, OSError, pa.ArrowException):
            # A neighbour that cannot be read is none.
            continue
        for row in rows:
            if row["weights_digest"] == prepared.checkpoint.weights_digest:
                yield root, row["identity"]


def _read_rates(root: Path, device: str | None) -> Mapping[str, float]:
    """Tokens a second by identity, of jobs on this device, or on any where none is named."""
    log = store.scan(root, THROUGHPUT, columns=["identity", "seconds", "num_tokens", "device"]).to_pandas()
    log = log if device is None else log[log["device"] == device]
    sums = log.groupby("identity", observed=True)[["seconds", "num_tokens"]].sum()
    sums = sums[(sums["seconds"] > 0) & (sums["num_tokens"] > 0)]
    return {str(name): float(rate) for name, rate in (sums["num_tokens"] / sums["seconds"]).items()}


def _read_time(told: object) -> float | None:
    try:
        return datetime.datetime.fromisoformat(str(told)).timestamp()
    except ValueError:
        return None
