"""Where the rows came from: commits, versions, devices, configs. Reads RUN/provenance/*.json."""

import json

import pandas as pd

from analysis.report import html
from analysis.report.sections import Section
from analysis.runs.provenance import Record


def section(records: list[Record], *, grader: tuple[str, str]) -> Section:
    """A row a job that drew, its packages, and its whole config behind a line to unfold."""
    graded = html.paragraph(f"Graded by {' '.join(grader).strip()}.")
    if not records:
        none = html.paragraph("These rows have no record of where they come from.", kind="note")
        return Section("provenance", "Where the rows come from", none + graded)
    body = html.table(pd.DataFrame([_job(record) for record in records]), caption="The jobs that drew these rows")
    packages = pd.DataFrame(
        [{"record": record["record"]} | dict(record.get("packages", {})) for record in records]
    )
    body += html.table(packages.fillna("–"), caption="Packages of each job") + graded
    body += "".join(
        html.details(f"Config of {record['record']}", f"<pre>{html.escape(_config(record))}</pre>")
        for record in records
    )
    return Section("provenance", "Where the rows come from", body)


def device(record: Record) -> str:
    """What a job ran on, in words."""
    told = record.get("gpus")
    gpus = told if isinstance(told, list) else []
    return f"{len(gpus)} x {gpus[0]}" if gpus else f"{record.get('num_cpus', 'unknown')} CPU cores"


def _job(record: Record) -> dict[str, str]:
    state = " with local changes" if record.get("dirty") else ""
    return {
        "record": record["record"],
        "identity": str(record.get("identity", "–")),
        "began": str(record.get("time", "–")),
        "commit": str(record.get("commit") or "unknown")[:12] + state,
        "device": device(record),
        "Python": str(record.get("python", "–")),
    }


def _config(record: Record) -> str:
    return json.dumps(record.get("config", {}), indent=2, sort_keys=True, ensure_ascii=False)
