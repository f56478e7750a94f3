"""How a model is asked: resolved before its identity is made, told in a table, refused where it cannot be."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from harness.recognition import AutoSampling, AutoThinking
from harness.types import Grid, Sampling, Thinking
from results import store
from results.schema import MODELS
from sweeps.compose import build_job
from sweeps.job import Job
from sweeps.prepare import Prepared, prepare
from sweeps.recognised import Origins, Setting, check_servable, tell_settings

RUNG = Path("ladder/checkpoints/countdown-33k")
COUNTDOWN = ["task=countdown", "task.size=2", "grid.budgets=[0,64]", "sampling.max_answer_tokens=32"]


def job_of(*overrides: str, origins: Origins | None = None) -> Job:
    with initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
        return build_job(compose("sweep", list(overrides)), origins)


def one_model(path: Path, run: Path, *overrides: str) -> Job:
    return job_of("experiment=checkpoint", f"model.path={path}", f"run={run}", *COUNTDOWN, *overrides)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNG, tmp_path / "mine"))


def write(path: Path, **settings: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def settings_of(prepared: Prepared) -> dict[str, Setting]:
    return {setting.name: setting for setting in prepared.settings}


def test_a_model_by_itself_is_its_own_anchor_and_nothing_of_another_ladder_is_left(tmp_path: Path) -> None:
    job = one_model(RUNG, tmp_path / "run")
    assert (job.model.name, job.grid.anchor, job.grid.reference_budget) == ("countdown-33k", "countdown-33k", 64)
    assert isinstance(job.thinking, AutoThinking) and isinstance(job.sampling, AutoSampling)
    assert [state.spec.pool for state in prepare(job).states] == ["evaluation", "bins"]


def test_an_anchors_budget_for_bins_is_no_concern_of_other_models(tmp_path: Path) -> None:
    overrides = ["experiment=embedded", "model=countdown-33k", f"run={tmp_path}", "task.size=2"]
    job = job_of(*overrides, "grid.budgets=[0,64]", "grid.reference_budget=4096")
    assert prepare(job).max_model_len < 200
    with pytest.raises(ValueError, match="a budget of 4,096"):
        prepare(replace(job, grid=replace(job.grid, anchor="countdown-33k")))


def test_what_is_recognised_is_stored_as_what_a_preset_would_store(tmp_path: Path) -> None:
    auto = prepare(one_model(RUNG, tmp_path / "run"))
    preset = prepare(one_model(RUNG, tmp_path / "run", "thinking=think_tags", "sampling=plain"))
    assert auto.identity == preset.identity
    assert "auto" not in json.dumps({name: auto.identity_parts[name] for name in ("thinking", "sampling")})


def test_the_embedded_ladder_is_stored_as_it_was(tmp_path: Path) -> None:
    job = job_of("experiment=embedded", "model=countdown-33k", f"run={tmp_path}", "task.size=2")
    stored = {row["model"]: row["identity"] for row in store.scan(Path("results/reference"), MODELS).to_pylist()}
    assert prepare(job).identity == stored["countdown-33k"]


def test_what_ends_a_text_by_the_tokenizer_alone_is_part_of_what_rows_are_stored_under(
    tmp_path: Path, folder: Path
) -> None:
    told = prepare(one_model(folder, tmp_path / "run"))
    for name in ("config.json", "generation_config.json"):
        write(folder / name, eos_token_id=None)
    found = prepare(one_model(folder, tmp_path / "run"))
    assert told.renderer.eos_ids == found.renderer.eos_ids == (0,)
    assert found.identity != told.identity and found.identity_parts["further_ends"] == [0]
    assert settings_of(found)["stop ids"] == Setting("stop ids", "<|endoftext|> (0)", "tokenizer")


def test_every_setting_says_where_it_came_from(tmp_path: Path, folder: Path) -> None:
    write(folder / "generation_config.json", temperature=0.6, top_k=20, repetition_penalty=1.1)
    words = ("sampling.max_answer_tokens=32", "engine.dtype=float32")
    choices = {"thinking": "auto", "sampling": "auto", "engine": "vllm", "task": "countdown"}
    origins = Origins(choices, words)
    prepared = prepare(replace(one_model(folder, tmp_path / "run", words[1]), origins=origins))
    assert prepared.sampling == Sampling(0.6, 1.0, 20, 0.0, 32)
    assert settings_of(prepared) == {
        setting.name: setting
        for setting in [
            Setting(
                "thinking", "think_tags", "the checkpoint: no chat template, and <think> and </think> are tokens"
            ),
            Setting("markers", "opened by '<think>', closed by '</think>' (token 2)", "the preset think_tags"),
            Setting("forced by", "'</think>'", "the preset think_tags; task=countdown"),
            Setting("template", "none", "tokenizer"),
            Setting("stop ids", "<|endoftext|> (0)", "generation_config.json"),
            Setting(
                "sampling",
                "temperature 0.6, top_p 1, top_k 20, min_p 0, answers to 32 tokens",
                f"generation_config.json (temperature, top_k), {words[0]}",
            ),
            Setting("unused", "repetition_penalty 1.1", "generation_config.json"),
            Setting("dtype", "float32 (weights are bfloat16)", "engine=vllm, engine.dtype=float32; config.json"),
            Setting("context", "320 tokens", "config.json"),
            Setting(
                "grid",
                "1 to 8 samples a prompt; thinking budgets 0, 64; 8 more of mine for difficulty bins",
                "the job's config",
            ),
        ]
    }


def test_a_preset_wins_over_what_would_be_recognised(tmp_path: Path) -> None:
    job = one_model(RUNG, tmp_path / "run", "thinking=few_shot", "sampling=plain", "sampling.temperature=0.5")
    origins = Origins({"thinking": "few_shot", "sampling": "plain"}, ("sampling.temperature=0.5",))
    found = settings_of(prepare(replace(job, origins=origins)))
    assert found["thinking"] == Setting("thinking", "few_shot", "thinking=few_shot")
    assert found["sampling"].source == "sampling=plain, sampling.temperature=0.5"


def test_a_chat_template_is_told_with_its_file(tmp_path: Path, folder: Path) -> None:
    template = "{% for m in messages %}{{ m.content }}{% endfor %}="
    (folder / "chat_template.jinja").write_text(template)
    job = one_model(folder, tmp_path / "run", "thinking.chain_of_thought.open=''")
    found = settings_of(prepare(job))["template"]
    assert found == Setting("template", f"used ({len(template)} characters)", "chat_template.jinja")
    found = settings_of(prepare(one_model(folder, tmp_path / "run", "thinking=think_tags")))["template"]
    assert found.value == "there is one, but it is not used"


def test_models_that_are_asked_alike_share_a_table() -> None:
    settings = [Setting("thinking", "few_shot", "x"), Setting("context", "320 tokens", "config.json")]
    other = [Setting("context", "64 tokens", "config.json")]
    assert tell_settings([("a", settings), ("b", other), ("c", settings), ("a", settings)]) == [
        "Settings of a, c:",
        "  thinking   few_shot    x",
        "  context    320 tokens  config.json",
        "Settings of b:",
        "  context    64 tokens  config.json",
    ]


def test_a_table_of_long_settings_fits_a_terminal_and_loses_no_word() -> None:
    value, source = "8 more of a model for difficulty bins, " * 4, "chosen for this machine; " * 4
    path = "/".join(["folder"] * 30)
    settings = [Setting("grid", value, source), Setting("thinking", "few_shot", path)]
    for told in (settings, settings[:1]):
        head, *lines = tell_settings([("a", told)])
        grid = (
            lines if told != settings else lines[: next(i for i, line in enumerate(lines) if "few_shot" in line)]
        )
        assert head == "Settings of a:" and len(grid) > 2 and max(map(len, grid)) <= 120
        assert sorted(" ".join(grid).split()) == sorted(f"grid {value} {source}".split())
    assert lines and [line for line in tell_settings([("a", settings)]) if path in line], "a path stays whole"


@pytest.mark.parametrize(
    ("thinking", "message"),
    [
        (
            Thinking("1+1", "1+1"),
            r"thinking.close '1\+1' is 3 tokens .* must be one\. thinking=auto uses the settings",
        ),
        (
            Thinking(None, "=", chat=True),
            r"has no chat template; choose a thinking option .* thinking=auto uses the settings",
        ),
    ],
)
def test_a_preset_that_does_not_go_with_the_checkpoint_names_the_one_that_does(
    tmp_path: Path, thinking: Thinking, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        prepare(replace(one_model(RUNG, tmp_path / "run"), thinking=thinking))


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (100, r"need 1\d\d\. Lower grid.budgets to at most [1-9]\d?\.$"),
        (30, r"No budget fits: lower sampling.max_answer_tokens to below [1-9]\d?, then grid.budgets\.$"),
        (8, r"The prompt alone leaves no room: choose a task with shorter prompts or fewer examples\.$"),
    ],
)
def test_a_context_too_short_names_what_fits_and_never_less_than_nothing(
    tmp_path: Path, folder: Path, context: int, message: str
) -> None:
    write(folder / "config.json", max_position_embeddings=context)
    with pytest.raises(ValueError, match=message):
        prepare(one_model(folder, tmp_path / "run"))


def test_a_checkpoint_that_a_server_holds_is_the_servers_to_judge(tmp_path: Path, folder: Path) -> None:
    write(folder / "config.json", architectures=["UnheardOfForCausalLM"], model_type="unheard")
    with pytest.raises(ValueError, match="the installed vLLM and transformers do not know"):
        prepare(one_model(folder, tmp_path / "run"))
    prepare(one_model(folder, tmp_path / "run", "engine=server"))


def test_another_machine_may_have_the_gpu_that_this_one_lacks(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    job = one_model(RUNG, tmp_path / "run")
    checkpoint = prepare(job).checkpoint
    quantized = replace(checkpoint, config=checkpoint.config | {"quantization_config": {"quant_method": "fp8"}})  # type: ignore[operator]
    with pytest.raises(ValueError, match="quantized"):
        check_servable(quantized, job.engine, is_here=True)
    check_servable(quantized, job.engine, is_here=False)


def test_a_home_folder_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert job_of("experiment=checkpoint", "model.path='~/mine'", "run=x").model.path == f"{tmp_path}/mine"


def test_an_extractor_is_given_by_its_dotted_name(tmp_path: Path) -> None:
    from harness.answers import boxed, math_key

    given = ["task.extract=harness.answers.boxed", "task.vote_key=harness.answers.math_key"]
    task: Any = job_of("experiment=checkpoint", "model.path=a/b", "run=x", *given).task
    assert (task.extract, task.vote_key) == (boxed, math_key)
    with pytest.raises(
        ValueError, match=r"task.extract: there is no function harness.answers.bxed; expected a dotted"
    ):
        job_of("experiment=checkpoint", "model.path=a/b", "run=x", "task.extract=harness.answers.bxed")


def test_a_grid_of_its_own_serves_several_models_each_as_its_anchor() -> None:
    jobs = [job_of("experiment=checkpoint", f"model.path=a/{name}", "run=x") for name in ("b", "c")]
    assert [job.grid.anchor for job in jobs] == ["b", "c"]
    assert jobs[0].grid == replace(Grid(jobs[0].grid.widths, jobs[0].grid.budgets), anchor="b")
