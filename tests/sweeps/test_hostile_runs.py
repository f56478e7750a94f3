"""Run folders that a stranger made to do harm: every command tells it in a line, and writes nowhere else."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from results import store
from results.folder import check_plain, read_object
from results.schema import MODELS, PROMPTS
from results.shards import list_shards
from results.whole import write_whole
from tests import forked
from tests.rounds import EVERY

REFERENCE = Path("results/reference")
# What every command would read of the two larger models, and draws of none.
LEFT_OUT = ("countdown-0.4m*", "countdown-1.1m*", "*.png", "*.pdf", "*.csv")
COMMANDS = (
    ("isoquant", "health", "{root}"),
    ("isoquant", "summary", "{root}"),
    ("isoquant", "report", "{root}"),
    ("isoquant", "grade", "{root}"),
    ("isoquant", "plan", "experiment=embedded", "model=countdown-33k", "run={root}"),
)
DEEP = 100_000
PICKLE = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0ctouch CANARY\x85R."


def first(root: Path, table: str) -> Path:
    return list_shards(root / table)[0]


def relink(path: Path, target: Path | str) -> None:
    """A link in place of what is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)


def change_rows(root: Path, table: str, **values: object) -> None:
    """The table's rows once more with other values, by a writer of its own."""
    rows = store.scan(root, {"models": MODELS, "prompts": PROMPTS}[table]).to_pylist()
    for path in list_shards(root / table):
        path.unlink()
    for manifest in (root / "manifest").glob("*"):
        manifest.unlink()
    store.append(root, {"models": MODELS, "prompts": PROMPTS}[table], [row | values for row in rows], writer="x")


def enter(root: Path, shard: str) -> None:
    """A line in a manifest for this shard."""
    digest = shard.split(".")[-2]
    line = json.dumps({"shard": shard, "rows": 1, "bytes": 1, "sha256": digest})
    (root / "manifest" / "x.jsonl").write_text(line + "\n")


HOSTILE: dict[str, Callable[[Path, Path], object]] = {
    "a link for a shard": lambda root, out: relink(first(root, "answers"), "/etc/passwd"),
    "a link for a table": lambda root, out: relink(root / "grades", out),
    "a link for the report": lambda root, out: relink(root / "report.html", out / "file"),
    "a link for what a report is written to": lambda root, out: relink(root / "report.html.tmp", out / "file"),
    "a link for figures": lambda root, out: relink(root / "figures", out),
    "a link for a figure": lambda root, out: relink(root / "figures" / "outcomes.png", out / "file"),
    "a link for a manifest": lambda root, out: relink(root / "manifest" / "x.jsonl", out / "file"),
    "a link for locks": lambda root, out: relink(root / "locks", out),
    "links in a circle": lambda root, out: relink(root / "traces", root / "traces"),
    "a pipe for a shard": lambda root, out: os.mkfifo(root / "answers" / f"x.000000.{'0' * 16}.parquet"),
    "a pipe for a record": lambda root, out: os.mkfifo(root / "provenance" / "a-000.json"),
    "a device for a record": lambda root, out: relink(root / "provenance" / "a-000.json", "/dev/zero"),
    "a manifest that leads up": lambda root, out: enter(root, f"answers/../../../out/x.000000.{'0' * 16}.parquet"),
    "a manifest that leads far": lambda root, out: enter(root, f"answers/{out}/x.000000.{'0' * 16}.parquet"),
    "a manifest without end": lambda root, out: (root / "manifest" / "x.jsonl").write_text("[" * DEEP),
    "a pickle for a shard": lambda root, out: first(root, "answers").write_bytes(PICKLE),
    "a pickle beside": lambda root, out: (root / "answers" / "x.pkl").write_bytes(PICKLE),
    "a deep record": lambda root, out: (root / "provenance" / "a-000.json").write_text('{"a":' * DEEP),
    "a record of other things": lambda root, out: (root / "provenance" / "a-000.json").write_text(
        '{"packages": [1], "gpus": 3, "time": {}, "config": 4}'
    ),
    "deep dials": lambda root, out: change_rows(root, "prompts", dials="[" * DEEP),
    "dials that are none": lambda root, out: change_rows(root, "prompts", dials='["a"]'),
    "deep identities": lambda root, out: change_rows(root, "models", identity_parts='{"a":' * DEEP),
    "a task with a way out": lambda root, out: change_rows(
        root, "models", task="../../out/task", weights_digest="x"
    ),
    "a record that is empty": lambda root, out: write_whole(root / "provenance" / "b-000.json", b""),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("case", HOSTILE)
def test_every_command_on_a_hostile_run_ends_in_a_line_and_stays_inside(case: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("mine")
    root = Path(shutil.copytree(REFERENCE, tmp_path / "a" / "run", ignore=shutil.ignore_patterns(*LEFT_OUT)))
    HOSTILE[case](root, tmp_path / "out")
    # Half of the commands a case, in turn, and with ISOQUANT_BARRAGE=all each of them.
    for module, *words in COMMANDS if EVERY else COMMANDS[list(HOSTILE).index(case) % 2 :: 2]:
        ended = forked.run(module, *(word.format(root=root) for word in words))
        assert "Traceback" not in ended.out + ended.err, (words, ended)
        assert ended.code == 0 or len(ended.err.strip()) < 2000, (words, ended)
        assert contents(tmp_path / "out") == {str(tmp_path / "out" / "file"): b"mine"}, words
    assert not Path("CANARY").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"out", "a"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"run"}


def test_a_run_of_files_is_plain_and_may_itself_be_a_link(tmp_path: Path) -> None:
    check_plain(REFERENCE)
    check_plain(tmp_path / "nowhere")
    (tmp_path / "run").symlink_to(REFERENCE.resolve())
    check_plain(tmp_path / "run")


@pytest.mark.parametrize("text", ["", "[]", "1", '"a"', "{", "[" * DEEP, '{"a":' * DEEP, "1" * 10_000])
def test_a_text_that_is_no_object_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"^this cannot be read as a JSON object"):
        read_object(text, where="this")


def test_a_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a.tmp").symlink_to(tmp_path / "mine")
    write_whole(tmp_path / "a", b"theirs")
    assert (tmp_path / "mine").read_text() == "mine" and (tmp_path / "a").read_bytes() == b"theirs"
