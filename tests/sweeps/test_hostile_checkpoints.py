"""Checkpoints that a stranger made to do harm: each is told in a line at `plan`,
in seconds, and nothing of it runs.
"""

import dataclasses
import json
import os
import re
import shutil
import struct
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness import files, trial
from harness.limits import try_within
from harness.rendering import Renderer, load_tokenizer
from harness.trial import check_tokenizer
from harness.types import Prompt, Thinking
from sweeps.compose import build_job
from sweeps.configs import compose
from sweeps.job import Job
from tests import forked, planned
from tests.rounds import EVERY

RUNG = Path("ladder/checkpoints/countdown-33k")
DEEP = 100_000
# On a machine that does other things as well.
MOST_SECONDS = 90
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% set c = b %}{% endfor %}{% endfor %}"


def edit(name: str, **changes: Any) -> Callable[[Path], None]:
    """A settings file with these values in place of its own."""

    def change(folder: Path) -> None:
        settings = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(settings | changes))

    return change


def write(name: str, text: str | bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def replace(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else than a file by a file's name."""

    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**11)


def header(**tensors: Any) -> bytes:
    text = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    ends = [tensor["data_offsets"][1] for tensor in tensors.values() if "data_offsets" in tensor]
    return struct.pack("<Q", len(text)) + text + b"\0" * min(max(ends, default=0), 1000)


def tensor(begin: Any, end: Any, shape: Any = (2,), dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def tokenizer(**parts: Any) -> Callable[[Path], None]:
    return edit("tokenizer.json", **parts)


def shift_vocabulary(folder: Path) -> None:
    """The ids of all tokens moved up, as another model's tokenizer has them."""
    settings = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = settings["model"]["vocab"]
    settings["model"]["vocab"] = {token: number + 1000 for token, number in vocabulary.items()}
    settings["added_tokens"] = [token | {"id": token["id"] + 1000} for token in settings["added_tokens"]]
    (folder / "tokenizer.json").write_text(json.dumps(settings))


def template(text: str) -> Callable[[Path], object]:
    return write("chat_template.jinja", text)


def without_weights(*names: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        for name in names:
            (folder / name).write_bytes(b"\x80\x04c__builtin__\neval\n.")

    return change


def crowd(folder: Path) -> None:
    for number in range(files.MAX_ENTRIES + 10):
        (folder / f"shard-{number}").touch()


CATASTROPHE = {"type": "Split", "pattern": {"Regex": "(1+)+$"}, "behavior": "Isolated", "invert": False}
GARGANTUAN = {"type": "Replace", "pattern": {"String": ""}, "content": "a" * 100_000}
# What is done to a good checkpoint, and the line that is told.
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe for config": (replace("config.json", os.mkfifo), "config.json is a pipe or a device"),
    "a pipe for weights": (replace("model.safetensors", os.mkfifo), "model.safetensors is a pipe or a device"),
    "a pipe for a tokenizer": (replace("tokenizer.json", os.mkfifo), "tokenizer.json is a pipe or a device"),
    "a pipe beside": (lambda f: os.mkfifo(f / "added_tokens.json"), "added_tokens.json is a pipe or a device"),
    "a pipe a level below": (
        lambda f: [(f / "additional_chat_templates").mkdir(), os.mkfifo(f / "additional_chat_templates/a.jinja")],
        r"a.jinja is a pipe or a device",
    ),
    "a device for config": (replace("config.json", lambda p: p.symlink_to("/dev/zero")), "is a pipe or a device"),
    "a device for weights": (
        replace("model.safetensors", lambda p: p.symlink_to("/dev/zero")),
        "a pipe or a device",
    ),
    "a device for a template": (
        lambda f: (f / "chat_template.jinja").symlink_to("/dev/zero"),
        "a pipe or a device",
    ),
    "a file of the kernel": (replace("config.json", lambda p: p.symlink_to("/proc/kmsg")), r"config.json"),
    "a link in a circle": (replace("config.json", lambda p: p.symlink_to(p)), "config.json cannot be read"),
    "links in a circle": (
        lambda f: [(f / "a").symlink_to(f / "b"), (f / "b").symlink_to(f / "a")],
        r"/[ab] cannot be read \(Too many levels of symbolic links\)",
    ),
    "a link to nothing": (lambda f: (f / "vocab.json").symlink_to("/no/where"), "vocab.json cannot be read"),
    "a folder for config": (replace("config.json", os.mkdir), "config.json cannot be read"),
    "too many files": (crowd, "has more than 10,000 files"),
    "a deep config": (write("config.json", '{"a":' * DEEP), "config.json is nested too deep"),
    "a deep list": (write("generation_config.json", "[" * DEEP), "generation_config.json is nested too deep"),
    "a deep tokenizer": (write("tokenizer.json", '{"model":' * DEEP), "No tokenizer in .* that can be read"),
    "a deep tokenizer config": (write("tokenizer_config.json", "[" * DEEP), "config.json is nested too deep"),
    "a config of gigabytes": (replace("config.json", large), "config.json has 100,000,000,000 bytes"),
    "a tokenizer of gigabytes": (replace("tokenizer.json", large), "tokenizer.json has 100,000,000,000 bytes"),
    "a config that is a list": (write("config.json", "[]"), "has no settings"),
    "no text": (write("config.json", b"\xff\xfe\x00"), "config.json is not JSON"),
    "negative layers": (edit("config.json", num_hidden_layers=-1), "num_hidden_layers must be a whole number"),
    "layers without end": (
        edit("config.json", num_hidden_layers=10**12),
        "num_hidden_layers must be a whole number",
    ),
    "no heads": (edit("config.json", num_attention_heads=0), "no positive num_attention_heads"),
    "heads in words": (
        edit("config.json", num_attention_heads="many"),
        "num_attention_heads must be a whole number",
    ),
    "heads that are true": (edit("config.json", num_attention_heads=True), "must be a whole number.*got True"),
    "an infinite width": (edit("config.json", hidden_size=float("inf")), "hidden_size must be a whole number"),
    "a width that is none": (edit("config.json", hidden_size=float("nan")), "hidden_size must be a whole number"),
    "a number of ten thousand digits": (
        lambda f: (f / "config.json").write_text('{"hidden_size": ' + "9" * 10_000 + "}"),
        "config.json is not JSON",
    ),
    "a vocabulary without end": (edit("config.json", vocab_size=10**12), "vocab_size must be a whole number"),
    "a context in a list": (edit("config.json", max_position_embeddings=[1]), "max_position_embeddings must be"),
    "text settings that are none": (
        edit("config.json", text_config=[1]),
        "text_config must be a group of settings",
    ),
    "a quantization that is none": (
        edit("config.json", quantization_config="fp8"),
        "quantization_config must be a group of settings",
    ),
    "bits that are none": (
        edit("config.json", quantization_config={"config_groups": [1]}),
        "values that no model can have|cannot run on a CPU",
    ),
    "layers that are none": (edit("config.json", layer_types=[[1]]), "layer_types must be a list of names"),
    "a kind that is none": (edit("config.json", model_type={}), "model_type must be a name"),
    "ends in words": (
        edit("generation_config.json", eos_token_id=["a"]),
        r"eos_token_id must be a token's id, or a list of them; got \['a'\]",
    ),
    "an end below all": (edit("generation_config.json", eos_token_id=-5), "eos_token_id must be a token's id"),
    "an end above all": (edit("generation_config.json", eos_token_id=10**30), "eos_token_id must be a token's id"),
    "an index that leads outside": (
        write("model.safetensors.index.json", '{"weight_map": {"a": "../../outside.safetensors"}}'),
        r"1 weight files are missing in .*, such as \.\./\.\./outside",
    ),
    "overlapping tensors": (
        write("model.safetensors", header(a=tensor(0, 8), b=tensor(4, 12))),
        "model.safetensors is damaged or incomplete",
    ),
    "huge offsets": (write("model.safetensors", header(a=tensor(0, 2**62, [2**60]))), "is damaged or incomplete"),
    "negative offsets": (write("model.safetensors", header(a=tensor(-8, 0))), "is damaged or incomplete"),
    "a shape that is larger": (
        write("model.safetensors", header(a=tensor(0, 8, [10**15]))),
        "damaged or incomplete",
    ),
    "a header without end": (write("model.safetensors", struct.pack("<Q", 2**63) + b"{"), "damaged or incomplete"),
    "a deep header": (
        write("model.safetensors", struct.pack("<Q", 5 * DEEP) + b'{"a":' * DEEP),
        "damaged or incomplete",
    ),
    "a type that is none": (
        write("model.safetensors", header(a=tensor(0, 8, dtype="F31"))),
        "damaged or incomplete",
    ),
    "another model": (
        edit("config.json", speculators_config={"verifier": {"name_or_path": "some/model"}}),
        r"config.json names another model \(speculators_config\)",
    ),
    "a template from elsewhere": (
        replace("chat_template.jinja", lambda path: path.symlink_to("/etc/passwd")),
        "chat_template.jinja is a link to /etc/passwd, outside its folder",
    ),
    "pickled weights": (without_weights("pytorch_model.bin"), r"holds pickled weights only.*save_pretrained"),
    "pickled weights by another name": (without_weights("consolidated.00.pth"), r"holds pickled weights only"),
    "a pickled adapter": (without_weights("adapter_model.bin", "adapter_config.json"), "is a LoRA adapter"),
    "a template that loops": (template(LOOP), "chat template is refused.*(2|10) seconds of processor time"),
    "a template of gigabytes": (template("{{ 'a' * 10**10 }}"), "chat template is refused.*MiB of memory"),
    "a template that writes on": (
        template("{% for a in range(90000) %}{{ 'abcdefghijklmnopqrst' }}{% endfor %}"),
        "chat template is refused.*writes 1,800,000 characters",
    ),
    "a template that computes": (template("{{ 9 ** (9 ** (9 ** 9)) }}"), "chat template is refused"),
    "a template that reaches out": (
        template("{{ cycler.__init__.__globals__.os.system('touch CANARY') }}"),
        r"chat template cannot be rendered \(.*is unsafe",
    ),
    "a template with a deep expression": (
        template("{{ " + "(" * DEEP + "1" + ")" * DEEP + " }}"),
        "chat template",
    ),
    "a tokenizer that writes on": (tokenizer(normalizer=GARGANTUAN), "tokenizer is refused|No tokenizer|lacks"),
    "a tokenizer that is none": (write("tokenizer.json", "[]"), "No tokenizer in"),
    "a vocabulary of nothing": (
        tokenizer(model={"type": "WordLevel", "vocab": {}, "unk_token": "x"}),
        "tokenizer is refused",
    ),
    "a token at the end of numbers": (
        tokenizer(added_tokens=[{"id": 2**40, "content": "x", "special": True}]),
        "No tokenizer",
    ),
    "another model's tokenizer": (shift_vocabulary, r"writes token 1,0\d\d, but the model knows only"),
    "a vocabulary without digits": (
        edit("config.json", vocab_size=3),
        r"writes token \d+, but the model knows only 3",
    ),
    "a vocabulary of none": (edit("config.json", vocab_size=0), r"writes token \d+, but the model knows only 0"),
    "a tokenizer config that is a list": (write("tokenizer_config.json", "[1]"), "No tokenizer in"),
}


# Of these the whole command is tried, one of each kind: what a file is, what it says, weights, template,
# tokenizer.
BY_COMMAND = (
    *("a pipe for config", "no heads", "overlapping tensors", "a template that reaches out"),
    "a tokenizer that is none",
)
# What a template may take of the processor otherwise: the command's own limit is longer to wait for.
TEMPLATE_SECONDS = 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNG, tmp_path / "model"))


def asked(folder: Path) -> list[str]:
    given = ["experiment=embedded", "model=hf", f"model.path={folder}", "grid.anchor=null", "task.size=4"]
    return [*given, f"run={folder}/../run"]


def plan(folder: Path, *words: str) -> forked.Ended:
    return forked.run("isoquant", "plan", *asked(folder), *words)


@cache
def compose_job(*words: str) -> Job:
    """What all plans of the same words have in common; composing it takes most of a plan."""
    return build_job(compose([*asked(Path("/nowhere/model")), *words]))


def plan_composed(folder: Path, *words: str) -> forked.Ended:
    """The same plan by what the command calls once it has composed the job."""
    job = compose_job(*words)
    model = dataclasses.replace(job.model, path=str(folder))
    return forked.call(
        planned.plan, dataclasses.replace(job, model=model, run=folder / "../run"), TEMPLATE_SECONDS
    )


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_checkpoint_is_told_in_a_line(case: str, folder: Path) -> None:
    spoil, message = HOSTILE[case]
    spoil(folder)
    words = ["thinking=auto"] if "template" in case else []
    started = time.monotonic()
    ended = (plan if EVERY or case in BY_COMMAND else plan_composed)(folder, *words)
    assert time.monotonic() - started < MOST_SECONDS
    lines = [line for line in ended.err.splitlines() if line]
    assert ended.code == 2 and lines[0] == "error: Cannot run:" and len(lines) == 2, ended
    assert "Traceback" not in ended.out + ended.err and len(lines[1]) < 1000
    assert re.search(message, lines[1]), lines[1]
    assert not Path("CANARY").exists()


def test_a_tokenizer_may_know_more_than_the_model_that_no_prompt_holds(folder: Path) -> None:
    settings = json.loads((folder / "tokenizer.json").read_text())
    further = settings["added_tokens"][0] | {"id": len(settings["model"]["vocab"]) + 500, "content": "<picture>"}
    tokenizer(added_tokens=[*settings["added_tokens"], further])(folder)
    assert plan(folder).code == 0, plan(folder)


def test_the_good_checkpoint_is_planned(folder: Path) -> None:
    by_command, composed = plan(folder), plan_composed(folder)
    assert by_command.code == composed.code == 0, (by_command, composed)
    # Where each setting is from is known of words alone.
    assert by_command.out.partition("cells done")[2] == composed.out.partition("cells done")[2] != ""


def test_code_of_a_checkpoint_is_not_run_and_that_is_said(folder: Path) -> None:
    canary = folder.parent / "canary"
    for name in ("configuration_evil", "modeling_evil", "tokenization_evil"):
        (folder / f"{name}.py").write_text(f"open({str(canary)!r}, 'w')\nclass Evil: pass\n")
    edit("config.json", auto_map={"AutoConfig": "configuration_evil.Evil", "AutoModel": "modeling_evil.Evil"})(
        folder
    )
    edit("tokenizer_config.json", auto_map={"AutoTokenizer": [None, "tokenization_evil.Evil"]})(folder)
    told = plan(folder)
    assert told.code == 0 and "own code" in told.out and "not run (auto_map)" in told.out, told
    edit("config.json", architectures=["Evil"], model_type="evil")(folder)
    edit("tokenizer_config.json", tokenizer_class="Evil")(folder)
    refused = plan(folder)
    assert refused.code == 2 and "auto_map), which is not run" in refused.err, refused
    trusted = plan(folder, "+engine.options.trust_remote_code=true")
    assert trusted.code == 2 and "No tokenizer in" in trusted.err, trusted
    assert not canary.exists()


def test_nobody_is_asked_whether_code_may_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object) -> str:
        (folder / "asked").touch()
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\nclass Evil: pass\n")
    changes = {"auto_map": {"AutoTokenizer": [None, "evil.Evil"]}, "tokenizer_class": "Evil"}
    edit("tokenizer_config.json", **changes)(folder)
    # A class that transformers has for the model takes its place; where there is none, the tokenizer is refused.
    assert len(load_tokenizer(str(folder)))
    edit("config.json", model_type="evil")(folder)
    with pytest.raises(ValueError, match=r"No tokenizer in .* that can be read"):
        load_tokenizer(str(folder))
    assert not (folder / "asked").exists() and not (folder / "ran").exists()


def test_a_pattern_that_searches_without_end_is_given_up_and_told(folder: Path) -> None:
    tokenizer(pre_tokenizer=CATASTROPHE)(folder)
    loaded, long = load_tokenizer(str(folder)), Prompt("p", "1" * 40 + "=", {})
    with pytest.raises(ValueError, match=r"tokenizer is refused: .* it fails: .*retry-limit-in-match over"):
        check_tokenizer(loaded, [long])
    with pytest.raises(ValueError, match=r"tokenizer fails on '1111.*retry-limit-in-match over"):
        Renderer(loaded, Thinking("</think>", "</think>", "<think>")).prompt_ids(long)


def test_a_command_waits_for_a_template_as_long_as_it_says() -> None:
    assert TEMPLATE_SECONDS < trial.SECONDS == 10


def test_work_that_ends_well_is_not_hindered() -> None:
    assert try_within(lambda: sum(range(1000)), seconds=5, mebibytes=64) is None


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (lambda: bytearray(2**31), "needs more than 64 MiB"),
        (lambda: [None for _ in iter(int, 1)], "takes more than 1 seconds|needs more than 64 MiB"),
        (lambda: time.sleep(60), "does not end"),
        (lambda: os.abort(), "stops early"),
        (lambda: os.kill(os.getpid(), 11), "crashes"),
        (lambda: {}["a\nb"], "fails: "),
    ],
)
def test_work_that_runs_on_is_ended_with_the_reason(
    work: Callable[[], object], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.limits.LEAST_WAIT_SECONDS", 4)
    monkeypatch.setattr("harness.limits.PATIENCE", 4)
    told = try_within(work, seconds=1, mebibytes=64)
    assert told is not None and re.search(reason, told) and "\n" not in told
