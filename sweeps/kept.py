"""What is computed of many prompts, kept in the user's cache so that the next command has it at once.

A key names all that shapes what is kept. A file that is not what was written is computed again.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.rendering import Renderer
from harness.types import Prompt, Task
from results import whole
from results.places import cache_folder
from sweeps.identity import hash_identity
from sweeps.plan import Measured, measure

# Fewer prompts are made and rendered in a second or two.
MANY = 2_000
# Files of each kind; the oldest go first.
MOST_FILES = 50


def load_prompts(task: Task) -> list[Prompt]:
    """The task's prompts; of many, kept ones come without `reference`, which only graders need.

    Kept are those of tasks that tell the version of their prompts: another for whatever changes one.
    """
    told = getattr(task, "prompts_version", None)
    if told is None or task.size < MANY:
        return task.load()
    key = hash_identity({"task": task.identity, "size": task.size, "version": told})

    def make() -> list[Any]:
        loaded.extend(task.load())
        return [[prompt.prompt_id, prompt.text, dict(prompt.dials)] for prompt in loaded]

    loaded: list[Prompt] = []
    rows = _keep("prompts", key, make)
    return loaded or [Prompt(prompt_id, text, {}, dials) for prompt_id, text, dials in rows]


def measure_prompts(prompts: Sequence[Prompt], renderer: Renderer) -> Measured:
    """Of all rendered prompts the tokens of the longest, and the largest token."""
    if len(prompts) < MANY or (key := _name_rendering(prompts, renderer)) is None:
        return measure(prompts, renderer)
    return Measured(*_keep("measured", key, lambda: list(measure(prompts, renderer))))


def _name_rendering(prompts: Sequence[Prompt], renderer: Renderer) -> str | None:
    """A name of these prompts as they are rendered; None where the tokenizer cannot be told whole."""
    backend = getattr(renderer.tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    parts = {
        "versions": [version(name) for name in ("tokenizers", "transformers")],
        "class": type(renderer.tokenizer).__name__,
        "tokenizer": hashlib.sha256(backend.to_str().encode()).hexdigest(),
        "special": {name: str(token) for name, token in renderer.tokenizer.special_tokens_map.items()},
        "template": renderer.tokenizer.chat_template,
        "thinking": vars(renderer.thinking),
        "ends": renderer.eos_ids,
        "tools": list(renderer.tools),
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    for prompt in prompts:
        text = prompt.text.encode()
        digest.update(len(text).to_bytes(8))
        digest.update(text)
    return digest.hexdigest()[:32]


def _keep(kind: str, key: str, make: Callable[[], list[Any]]) -> list[Any]:
    """What is kept under this key, else what is made, which is kept where the cache can be written."""
    folder = cache_folder() / kind
    path = folder / f"{key}.json"
    with contextlib.suppress(OSError, ValueError):
        digest, _, body = path.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() == digest:
            return list(json.loads(body))
    made = make()
    body = json.dumps(made).encode()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        whole.write_whole(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        for old in sorted(folder.glob("*.json"), key=_age)[:-MOST_FILES]:
            old.unlink(missing_ok=True)
    return made


def _age(path: Path) -> float:
    return path.stat().st_mtime
