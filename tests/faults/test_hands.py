"""What hands do to a run's folder: copies, moves, edits,
files of editors and of other runs. Each is mended or named.

The judge is what the undamaged run says: its health in words, and its outcomes number for number.
"""

import contextlib
import dataclasses
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from analysis.runs import outcomes
from isoquant.__main__ import main
from results import store
from results.inspection import inspect
from results.schema import ANSWERS, GRADES, PROMPTS, TRACES
from results.shards import digest, encode, list_shards
from sweeps.repair import repair
from tests.results.made_runs import Made

OTHER = Path("results/real/letter_counting")
# What reading the damaged run does: all as before, all as before with a note, refused, or rows are missing.
Reading = Literal["same", "refused", "less"]


class Kind(NamedTuple):
    """What hands do, what a command that reads says of it, whether it reads,
    and what a command that writes says.
    """

    damage: Callable[[Path], None]
    told: str
    reading: Reading
    mended: str
    # Whether rows are lost by it, which a sweep draws again.
    loses: bool = False


def first(root: Path, table: str) -> Path:
    return list_shards(root / table)[0]


def copy_as(table: str, name: Callable[[Path], str]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        shard = first(root, table)
        shutil.copy(shard, shard.with_name(name(shard)))

    return damage


def with_index(index: str) -> Callable[[Path], str]:
    return lambda shard: shard.name.replace(".000000.", f".{index}.")


def put(root: Path, table: str, rows: pa.Table, *, index: int = 7, writer: str | None = None) -> Path:
    """Lay rows into a table's folder under a name of the scheme, as a script of somebody might."""
    content = encode(rows)
    writer = writer or first(root, table).name.rsplit(".", 3)[0]
    path = root / table / f"{writer}.{index:06d}.{digest(content)}.parquet"
    path.write_bytes(content)
    return path


def rewrite(table: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    """Put a changed shard in the place of one, with a name that fits it and a manifest that does not list it."""

    def damage(root: Path) -> None:
        shard = first(root, table)
        put(root, table, change(pq.read_table(shard, partitioning=None)), index=0)
        shard.unlink()

    return damage


def add(table: str, choose: Callable[[pa.Table], pa.Table], **more: Any) -> Callable[[Path], None]:
    return lambda root: (
        put(root, table, choose(pq.read_table(first(root, table), partitioning=None)), **more) and None
    )


def set_column(name: str, values: Callable[[pa.Table], Any]) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.set_column(rows.schema.get_field_index(name), name, values(rows))


def manifests(change: Callable[[str], str | None]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        for path in (root / "manifest").iterdir():
            changed = change(path.read_text())
            path.unlink() if changed is None else path.write_text(changed)

    return damage


def from_other(table: str, *, name: str | None = None) -> Callable[[Path], None]:
    """A shard of another run, as it lies there or under the name of one of this run's."""

    def damage(root: Path) -> None:
        shard = first(OTHER, table)
        shutil.copy(shard, root / table / (shard.name.replace(".000000.", ".000009.") if name is None else name))

    return damage


def to_table(table: str, other: str) -> Callable[[Path], None]:
    return lambda root: shutil.copy(first(root, table), root / other) and None


def move_out(root: Path) -> None:
    """The shard lies elsewhere, and a link in its place."""
    shard = first(root, "answers")
    shard.rename(root.parent / "elsewhere.parquet")
    shard.symlink_to(root.parent / "elsewhere.parquet")


def link_to_device(root: Path) -> None:
    (root / "traces" / "x.000000.0123456789abcdef.parquet").symlink_to("/dev/zero")
    os.mkfifo(root / "traces" / "y.000000.0123456789abcdef.parquet")


def point_outside(text: str) -> str:
    line = json.loads(text.splitlines()[0])
    name = line["shard"].split("/")[1]
    for place in ("../../elsewhere", "traces/../../elsewhere", "/etc", "traces/sub"):
        text += json.dumps(line | {"shard": f"{place}/{name}"}) + "\n"
    return text


def copy_manifests(suffix: str) -> Callable[[Path], None]:
    """As a file manager or a service that syncs names a copy."""

    def damage(root: Path) -> None:
        for path in list((root / "manifest").iterdir()):
            shutil.copy(path, path.with_name(f"{path.stem}{suffix}.jsonl"))

    return damage


def rename_manifests(root: Path) -> None:
    for path in list((root / "manifest").iterdir()):
        path.rename(path.with_name(f"{path.stem} (1).jsonl"))


def rename_manifest_and_lose(root: Path) -> None:
    """All that tells of these shards is a manifest of another name."""
    rename_manifests(root)
    for table in ("answers", "traces"):
        for path in list_shards(root / table):
            path.unlink()


def without(name: str) -> Callable[[pa.Table], pa.Table]:
    """Rows of which the first has no value in this column."""

    def values(rows: pa.Table) -> Any:
        first = pa.array([True] + [False] * (rows.num_rows - 1))
        return pc.if_else(first, pa.scalar(None, rows.schema.field(name).type), rows[name])

    return set_column(name, values)


def rename(root: Path) -> None:
    shard = first(root, "answers")
    shard.rename(shard.with_name(f"{shard.stem} (1).parquet"))


def strew(root: Path) -> None:
    """What file managers, editors and services that sync leave behind."""
    name = first(root, "grades").name
    for stray in (
        ".DS_Store",
        f"{name}~",
        f".{name}.swp",
        f"{name}.sync-conflict-2026.parquet",
        f"._{name}",
        "a.csv",
    ):
        (root / "grades" / stray).write_bytes(b"stray")
    (root / "grades" / "folder.parquet").mkdir()


def lay_beside(root: Path) -> None:
    """What macOS lays beside every file that it packs or copies."""
    for path in [path for path in sorted(root.rglob("*")) if path.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")


def replace_table_by_file(root: Path) -> None:
    shutil.rmtree(root / "throughput")
    (root / "throughput").write_text("a file")


def empty(table: str) -> Callable[[Path], None]:
    return lambda root: first(root, table).write_bytes(b"") and None


def negative(rows: pa.Table) -> Any:
    return pc.negate(pc.add(rows["num_answer_tokens"], 1)).cast(pa.int32())


def none_first(rows: pa.Table) -> Any:
    return pa.array([None, *rows["prompt_id"].to_pylist()[1:]]).dictionary_encode()


ONE_OF_EACH = r"holds [\d,]+ rows? that (is|are) stored already"
COPY = r"is a copy of \S+"
NOT_READ = r"has files that are not shards and are not read: "
LISTS = r"lists the shards of \S+?(:| and is not read. The next sweep) "
UNFILLED = (
    *(("grades", name) for name in ("correct", "outcome", "grader")),
    *(("traces", name) for name in ("num_thinking_tokens", "ended")),
    *(("answers", name) for name in ("num_thinking_tokens", "forced", "sample")),
    *(("models", name) for name in ("model", "task")),
    *(("cells", name) for name in ("budget", "num_samples")),
)
KINDS = {
    "a shard under two names": Kind(copy_as("answers", with_index("000003")), COPY, "same", COPY),
    "prompts under two names": Kind(copy_as("prompts", with_index("000001")), COPY, "same", COPY),
    "a copy under another writer": Kind(
        copy_as("grades", lambda s: f"zz.{s.name.split('.', 1)[1]}"), COPY, "same", ""
    ),
    "a copy in another case": Kind(
        copy_as("models", lambda shard: shard.name[0].swapcase() + shard.name[1:]), COPY, "same", COPY
    ),
    "a copy of a file manager's": Kind(copy_as("traces", lambda s: f"{s.stem} (1).parquet"), NOT_READ, "same", ""),
    "a huge index": Kind(copy_as("answers", with_index("9" * 30)), NOT_READ, "same", ""),
    "the largest index": Kind(copy_as("answers", with_index("9" * 9)), COPY, "same", COPY),
    "rows twice between shards": Kind(
        add("answers", lambda rows: rows.slice(3, 50)), ONE_OF_EACH, "refused", ONE_OF_EACH
    ),
    "a grade twice": Kind(add("grades", lambda rows: rows.slice(0, 1)), ONE_OF_EACH, "refused", ONE_OF_EACH),
    "prompts written again": Kind(
        add("prompts", lambda rows: rows.slice(0, 2)), ONE_OF_EACH, "refused", ONE_OF_EACH
    ),
    "traces in another order": Kind(
        add("traces", lambda rows: rows.take(list(range(rows.num_rows))[::-1])),
        ONE_OF_EACH,
        "refused",
        ONE_OF_EACH,
    ),
    "rows twice in one shard": Kind(
        rewrite("answers", lambda rows: pa.concat_tables([rows, rows.slice(0, 9)]).unify_dictionaries()),
        f"{ONE_OF_EACH}|is gone",
        "refused",
        ONE_OF_EACH,
    ),
    "a column is missing": Kind(
        rewrite("answers", lambda rows: rows.drop_columns("num_answer_tokens")),
        r"lacks num_answer_tokens, so it is not a shard of answers",
        "refused",
        "lacks num_answer_tokens",
        loses=True,
    ),
    "a column of another type": Kind(
        rewrite("grades", set_column("correct", lambda rows: rows["correct"].cast(pa.string()))),
        r"holds correct as string, where grades have bool",
        "refused",
        "holds correct as string",
        loses=True,
    ),
    "numbers with holes, as pandas saves them": Kind(
        rewrite("traces", set_column("sample", lambda rows: rows["sample"].cast(pa.float64()))),
        r"holds sample as double, where traces have int32",
        "refused",
        "holds sample as double",
        loses=True,
    ),
    "a column too many": Kind(
        rewrite("grades", lambda rows: rows.append_column("mine", pa.nulls(rows.num_rows, pa.int8()))),
        r"columns that this version does not know and does not read: mine",
        "same",
        "",
    ),
    "negative tokens": Kind(
        rewrite("answers", set_column("num_answer_tokens", negative)),
        r"holds num_answer_tokens -[\d,]+, which is not possible",
        "refused",
        "which is not possible",
        loses=True,
    ),
    "an unknown outcome": Kind(
        rewrite(
            "grades", set_column("outcome", lambda rows: pa.array(["won"] * rows.num_rows).dictionary_encode())
        ),
        r"holds the outcome won, and outcomes are correct, wrong",
        "refused",
        "holds the outcome won",
        loses=True,
    ),
    "a key without a value": Kind(
        rewrite("answers", set_column("prompt_id", none_first)),
        r"holds rows without prompt_id, which is not possible",
        "refused",
        "holds rows without prompt_id",
        loses=True,
    ),
    **{
        f"{table} without {name}": Kind(
            rewrite(table, without(name)),
            f"holds rows without {name}, which is not possible",
            "refused",
            f"holds rows without {name}",
            loses=True,
        )
        for table, name in UNFILLED
    },
    "prompts without dials": Kind(rewrite("prompts", without("dials")), "is gone", "same", ""),
    "traces without text": Kind(rewrite("traces", without("text")), "is gone", "same", ""),
    "traces without token_ids": Kind(rewrite("traces", without("token_ids")), "is gone", "same", ""),
    "models without identity_parts": Kind(rewrite("models", without("identity_parts")), "is gone", "same", ""),
    "a manifest under two names": Kind(copy_manifests(" (1)"), LISTS, "same", LISTS + "set aside"),
    "a manifest in conflict": Kind(copy_manifests(".sync-conflict-20260101"), LISTS, "same", LISTS + "set aside"),
    "a manifest named to do harm": Kind(copy_manifests("\x1b[2J\n\n"), LISTS, "same", LISTS + "set aside"),
    "a manifest was renamed": Kind(rename_manifests, LISTS, "same", LISTS + "it got its name"),
    "a manifest was renamed and shards are gone": Kind(
        rename_manifest_and_lose, LISTS, "less", LISTS + "it got its name(.|\n)*is gone", loses=True
    ),
    "a shard of another run": Kind(
        from_other("answers"), r"has only rows of models that this run does not have", "same", ""
    ),
    "a shard of another table": Kind(
        to_table("answers", "grades"), r"lacks grader.*, so it is not a shard of", "refused", "lacks grader"
    ),
    "a shard that no manifest lists": Kind(
        manifests(lambda text: "".join(text.splitlines(keepends=True)[:-1])), "", "same", ""
    ),
    "a manifest's shard is gone": Kind(
        lambda root: first(root, "answers").unlink(), r"is gone", "less", "is gone", loses=True
    ),
    "a shard was renamed": Kind(rename, r"is gone", "less", r"it got its name back"),
    "a manifest cut short": Kind(
        manifests(lambda text: text[:-30]), r"1 unreadable line,", "same", r"1 unreadable line,"
    ),
    "a garbled manifest": Kind(
        manifests(lambda text: "\x00[[[" * 9 + "\n" + text), r"1 unreadable line,", "same", r"1 unreadable line,"
    ),
    "a manifest nested deep": Kind(
        manifests(lambda text: "[" * 10**5 + "\n" + text), r"1 unreadable line,", "same", r"1 unreadable line,"
    ),
    "a manifest twice over": Kind(manifests(lambda text: text + text), "", "same", ""),
    "an empty manifest": Kind(manifests(lambda text: ""), "", "same", ""),
    "no manifest": Kind(manifests(lambda text: None), r"is missing, so a lost shard", "same", "is missing"),
    "a manifest with CRLF": Kind(manifests(lambda text: text.replace("\n", "\r\n")), "", "same", ""),
    "a manifest of places outside": Kind(
        manifests(point_outside), r"4 unreadable lines", "same", r"4 unreadable lines"
    ),
    "a table's folder is gone": Kind(
        lambda root: shutil.rmtree(root / "traces"), r"is gone", "less", "is gone", loses=True
    ),
    "an empty shard": Kind(empty("answers"), r"is damaged", "refused", "is damaged: set aside", loses=True),
    "what macOS lays beside": Kind(lay_beside, NOT_READ + r"\._", "same", ""),
    "strays": Kind(strew, NOT_READ + r"\.DS_Store.* and 3 more", "same", ""),
}


class Said(NamedTuple):
    """A command's exit status and what it printed."""

    code: int
    out: str
    err: str


def read(root: Path) -> Said:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(["health", str(root)])
    return Said(code, out.getvalue(), err.getvalue())


def mend(root: Path) -> str:
    with redirect_stdout(io.StringIO()) as out:
        repair(root)
    return out.getvalue()


def files(root: Path) -> dict[str, bytes | None]:
    """Every file of a run and its bytes; those of a pipe are not read."""
    paths = [path for path in sorted(root.rglob("*")) if not path.is_dir()]
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths}


def assert_equal(found: Any, expected: Any) -> None:
    """Two dataclasses of arrays are equal, number for number."""
    for field in dataclasses.fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other)
        elif dataclasses.is_dataclass(other):
            assert_equal(one, other)
        elif field.name == "arms":
            assert len(one) == len(other)
            for arms in zip(one, other, strict=True):
                assert_equal(*arms)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on six prompts: it is read some two hundred times."""
    return Made(is_scored=False).write(tmp_path_factory.mktemp("hands") / "run")


@pytest.fixture(scope="module")
def undamaged(run: Path) -> tuple[Said, outcomes.Outcomes]:
    said = read(run)
    assert said.code == 0 and said.err == ""
    return said, outcomes.load(run)


# Those of which the short tests have others that go the same way.
LATER = {
    *(
        f"{table} without {name}"
        for table, name in UNFILLED
        if name not in ("correct", "ended", "forced", "model", "budget")
    ),
    *("prompts under two names", "a copy in another case", "the largest index", "traces without token_ids"),
    *("rows twice between shards", "prompts written again", "a manifest in conflict", "a garbled manifest"),
    *("numbers with holes, as pandas saves them", "a manifest twice over", "a manifest with CRLF"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in LATER else ()) for name in KINDS]
)
def test_damage_by_hand_is_mended_or_named(
    name: str, tmp_path: Path, run: Path, undamaged: tuple[Said, outcomes.Outcomes]
) -> None:
    kind, (whole, loaded) = KINDS[name], undamaged
    root = Path(shutil.copytree(run, tmp_path / "run"))
    kind.damage(root)
    before = files(root)
    said = read(root)
    assert files(root) == before, "reading must change nothing"
    assert re.search(kind.told, said.err), said.err
    assert "Traceback" not in said.err and (kind.told or not said.err)
    assert said.code == (2 if kind.reading == "refused" else 0)
    if kind.reading == "same":
        assert said.out == whole.out
    mended = mend(root)
    assert re.search(kind.mended, mended), mended
    assert mend(root) == "", "what is mended is told once"
    assert inspect(root).faults == []
    if kind.loses:
        assert_nothing_false(root, run)
        return
    again = read(root)
    assert again.code == 0 and again.out == whole.out
    assert_equal(outcomes.load(root), loaded)


def assert_nothing_false(root: Path, run: Path) -> None:
    """What is left are rows of the undamaged run, each once; a sweep draws the others."""
    for table in (PROMPTS, TRACES, ANSWERS, GRADES):
        stored, all_rows = (store.scan(place, table).to_pylist() for place in (root, run))
        keys = [tuple(row[name] for name in table.key) for row in stored]
        assert len(set(keys)) == len(keys)
        assert {json.dumps(row) for row in stored} <= {json.dumps(row) for row in all_rows}


def test_a_file_in_the_place_of_a_folder_is_named_and_no_row_is_lost_by_it(
    tmp_path: Path, run: Path, undamaged: tuple[Said, outcomes.Outcomes]
) -> None:
    root = Path(shutil.copytree(run, tmp_path / "run"))
    (root / "throughput").rename(root.parent / "throughput")
    (root / "throughput").write_text("a file")
    said = read(root)
    assert (
        said.code == 0 and "throughput is a file, and a table needs a folder there. Move the file away" in said.err
    )
    with pytest.raises(
        ValueError, match="throughput is a file, and the run needs a folder there. Move the file away"
    ):
        repair(root)
    (root / "throughput").unlink()
    (root.parent / "throughput").rename(root / "throughput")
    repair(root)
    assert read(root) == undamaged[0]


@pytest.mark.parametrize("damage", [move_out, link_to_device])
def test_links_and_pipes_in_a_run_are_refused_by_name(
    damage: Callable[[Path], None], tmp_path: Path, run: Path
) -> None:
    root = Path(shutil.copytree(run, tmp_path / "run"))
    damage(root)
    said = read(root)
    assert said.code == 2 and re.search(
        r"is (a link|a pipe or a device); a run folder must hold plain files", said.err
    )
    with pytest.raises(ValueError, match=r"is (a link|a pipe or a device); a run folder must hold plain files"):
        repair(root)


@pytest.mark.parametrize("name", ["traces", "manifest", "locks", "figures"])
def test_nothing_is_written_through_a_link_out_of_the_run(name: str, tmp_path: Path, run: Path) -> None:
    root, place = Path(shutil.copytree(run, tmp_path / "run")), tmp_path / "place"
    place.mkdir()
    (place / "poetry.lock").write_text("precious")
    shutil.rmtree(root / name, ignore_errors=True)
    (root / name).symlink_to(place)
    with pytest.raises(ValueError, match=f"{name} is a link; a run folder must hold plain files"):
        repair(root)
    assert files(place) == {str(place / "poetry.lock"): b"precious"}


@pytest.mark.parametrize("name", ["locks/{writer}.lock", "manifest/{writer}.jsonl.tmp", "manifest/{writer}.jsonl"])
def test_a_link_in_a_run_from_elsewhere_has_no_other_file_written_over(
    name: str, tmp_path: Path, run: Path
) -> None:
    root, precious = Path(shutil.copytree(run, tmp_path / "run")), tmp_path / "precious"
    precious.write_text("precious")
    writer = store.list_writers(root)[0]
    link = root / name.format(writer=writer)
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(precious)
    shutil.rmtree(root / "throughput")
    # What is behind the link is no file of the run.
    with contextlib.suppress(OSError, ValueError):
        repair(root)
    assert precious.read_text() == "precious"


def test_the_kinds_of_damage_are_many() -> None:
    assert len(KINDS) >= 25
