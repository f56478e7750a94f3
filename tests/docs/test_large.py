"""The queries of docs/large.md say what isoquant's own reading of the rows says."""

import re
from pathlib import Path

import pytest

from results import store
from results.schema import MODELS, TRACES

PAGE, RUN = Path("docs/large.md"), Path("results/reference")


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture(scope="module")
def expected() -> list[tuple[str, int, int]]:
    models = store.scan(RUN, MODELS, columns=["identity", "model"]).to_pandas().set_index("identity")["model"]
    traces = store.scan(RUN, TRACES, columns=["identity", "num_thinking_tokens"]).to_pandas()
    each = traces["num_thinking_tokens"].groupby(traces["identity"].astype(object).map(models))
    return [(str(name), len(tokens), int(tokens.sum())) for name, tokens in sorted(each)]


def test_arrows_scanner_finds_what_the_store_holds(
    expected: list[tuple[str, int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(block("python"), {})
    assert len(expected) > 1 and capsys.readouterr().out.strip() == str(expected)


def test_duckdb_finds_what_the_store_holds(expected: list[tuple[str, int, int]]) -> None:
    import duckdb

    assert [tuple(row) for row in duckdb.sql(block("sql")).fetchall()] == expected
