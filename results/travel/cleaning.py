"""Takes out of records what says nothing of a run and something of its owner:
keys, passwords, folders of a machine.
"""

import re
from typing import Any

LEFT_OUT = "(left out)"
# Of a job's record, what describes a machine or a person and no run.
OF_MACHINE = ("environment", "environ", "env", "hostname", "host", "user", "cwd")
# Names of settings that hold a secret; the name of the variable that holds one is none.
SECRET_NAMES = re.compile(
    r"(?i)(?:api[-_]?key|secret|passw|credential|authorization|(?:access|private|auth)[-_]?key|(?:^|[-_.])token$)"
)
VARIABLE = "_variable"
SECRETS = (
    (re.compile(r"(\w{1,20}://)[^/\s@]+@"), r"\1"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {LEFT_OUT}"),
    (
        re.compile(
            r"(?i)((?:api[-_]?key|secret|password|passwd|credentials?|authorization|access[-_]?key|token)"
            r"[\"']?\s*[=:]\s*[\"']?)[^\s&,\"'(]{4,}"
        ),
        rf"\1{LEFT_OUT}",
    ),
    (
        re.compile(
            r"\b(?:hf_[A-Za-z0-9]{16,}|sk-[\w-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abp]-[\w-]{10,}"
            r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|glpat-[\w-]{16,})"
        ),
        LEFT_OUT,
    ),
)
# Two folders and more from the root or a home on, behind what may stand before a path in a text.
FOLDERS = re.compile(r"(?<![^\s=\"'`\[(,:{])(?:file://)?[~/](?:[^/\s\"'`,\])}:<>]+/)+")
WHOLE = re.compile(r"(?:file://)?(?:/[^/\n]+|~[^/\n]*)/[^\n:]*")
SHORT = ".../"


def clean_record(record: dict[str, Any]) -> dict[str, Any]:
    """A record without secrets and without the machine's folders;
    raises ValueError where it is nested too deep.
    """
    try:
        return {name: _clean(name, value) for name, value in record.items() if name.lower() not in OF_MACHINE}
    except RecursionError:
        raise ValueError("A record is nested too deep to be read. Move it away.") from None


def clean_text(text: str) -> str:
    """A text of a machine, such as an error or a path, without secrets;
    of a folder from the root the last name.
    """
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    if WHOLE.fullmatch(text):
        return SHORT + text.rstrip("/").rsplit("/", 1)[-1]
    return FOLDERS.sub(SHORT, text)


def _clean(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(name, inner) for inner in value]
    if not isinstance(value, str):
        return value
    is_secret = SECRET_NAMES.search(name) and not name.endswith(VARIABLE)
    return LEFT_OUT if value and is_secret else clean_text(value)
