"""A plain scan of a run by DuckDB, as `make bench PART=scale` sets it beside the commands: the columns of answers
and grades that `summary` reads, counted and summed by model and budget.
"""

import argparse
from pathlib import Path

import duckdb

QUERIES = {
    "answers": "count(DISTINCT (prompt_id, sample)), sum(num_thinking_tokens), sum(num_answer_tokens), "
    "sum(num_prompt_tokens), sum(num_given_tokens), sum(forced::INT), count(finish_reason), count(extension)",
    "grades": "count(DISTINCT (prompt_id, sample)), sum(correct::INT), count(DISTINCT vote_key), count(outcome), "
    "count(grader), count(grader_version)",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scan", description=__doc__)
    parser.add_argument("run", type=Path)
    root: Path = parser.parse_args().run
    for table, columns in QUERIES.items():
        files = sorted(map(str, (root / table).glob("*.parquet")))
        rows = duckdb.read_parquet(files).aggregate(f"identity, pool, budget, {columns}").fetchall()
        print(table, *sorted(rows, key=str), sep="\n")


if __name__ == "__main__":
    main()
