"""What a stranger gets wrong, and the line that says what was expected,
what came and what to do. Never a traceback.
"""

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from _pytest.mark.structures import ParameterSet

from results.shards import list_shards
from sweeps.words import ONE_JOB
from tests import forked
from tests.faults.runs import flip_bit

RUNG = Path("ladder/checkpoints/countdown-33k")
REFERENCE = Path("results/reference")
# Runs of two models are broken like those of four.
LEFT_OUT = ("figures", "countdown-0.4m*", "countdown-1.1m*")
# The front of a line that Python wrote, not the project.
EXCEPTION = re.compile(r"^\s*(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Warning)\b", re.MULTILINE)


class Case(NamedTuple):
    """Words behind `isoquant`, what is printed, and the exit code. {here}: a folder of broken things."""

    words: str
    message: str
    code: int = 2

    def __str__(self) -> str:
        return self.words


SWEEP = "experiment=embedded model=countdown-33k run={here}/run"
CONFIGS = [
    Case("experiment=embeded model=countdown-33k", r"There is no experiment=embeded; did you mean embedded\?"),
    Case("experiment=embedded model=qwen9", r"There is no model=qwen9; did you mean qwen3"),
    Case(f"{SWEEP} grid=huge", r"There is no grid=huge; there are .*embedded"),
    Case(f"{SWEEP} hydra/launcher=pbs", r"There is no hydra/launcher=pbs; there are .*slurm"),
    Case(f"{SWEEP} hydra/launcher=slrum", r"There is no hydra/launcher=slrum; did you mean slurm\?"),
    Case(
        f"{SWEEP} hydra/launcher=slurm hydra.launcher.timeout=120",
        r"There is no option hydra.launcher.timeout; did you mean hydra.launcher.timeout_min",
    ),
    Case(
        f"{SWEEP} hydra.launcher.timeout_min=120",
        r"There is no option hydra.launcher.timeout_min; conf/hydra/launcher lists those of each hydra/launcher=",
    ),
    Case(f"{SWEEP} task.sise=3", r"There is no option task.sise; did you mean task.size"),
    Case(f"{SWEEP} +task.sise=3", r"There is no task.sise; task's fields are name, seed, size"),
    Case(
        f"{SWEEP} +engine.max_sequences=3",
        r"There is no engine.max_sequences; engine's fields are dtype, .*max_num_seqs",
    ),
    Case(
        f"{SWEEP} +hydra.launcher.gpus=3",
        r"There is no hydra.launcher.gpus; hydra.launcher's fields are jobs_at_once",
    ),
    Case(
        f"{SWEEP} grid.widths=[1,2",
        r"grid.widths=\[1,2 cannot be read. Write a list without spaces, name=\[1,2\], and a text with spaces",
    ),
    Case(f"{SWEEP} task.size", r"task.size has no value; give task.size=..."),
    Case(
        "plan embedded task.size=8",
        r"embedded has no value; give experiment=embedded or calls=embedded or engine=embedded or",
    ),
    Case(f"{SWEEP} gsm8k", r"gsm8k has no value; give task=gsm8k\."),
    Case("model_path=/m", r"There is no option model_path; did you mean model.path\?"),
    Case(
        "run=results/real/svamp",
        r"results/real/svamp already holds Qwen2.5-Coder-0.5B-Instruct, .*no model was given",
    ),
    Case("+model_path=/m", r"There is no option model_path; did you mean model.path\?"),
    Case(f"{SWEEP} budgets=[0]", r"There is no option budgets; did you mean grid.budgets\?"),
    Case("task=gsm8k,svamp task.filtre=extract", r"There is no option task.filtre; did you mean task.filter\?"),
    Case(
        "goal.points=3", r"goal.points is an option of goal=accuracy, and no goal is chosen; give goal=... as well"
    ),
    Case("goal.foo=3", r"There is no option goal.foo"),
    Case(
        "strategy.remembers=3",
        r"strategy.remembers is an option of strategy=.*revision.*, and no strategy is chosen",
    ),
    Case("goal=exchange_rates goal.pairs=[a:b]", r"goal.pairs names a, which this sweep does not draw; it draws "),
    Case("goal=compare goal.new=foo", r"goal.new names foo, which this sweep does not draw; it draws "),
    Case(
        "goal=compare model=countdown-33k",
        r"goal=compare needs at least two models, and countdown-33k is the only",
    ),
    Case("nonsense=1", r"There is no option nonsense; `isoquant sweep --cfg job` lists them."),
    Case(f"{SWEEP} task.size=abc", r"task.size: it should be a valid integer; got 'abc'"),
    Case(f"{SWEEP} task.size=0", r"task.size must be at least 1; got 0"),
    Case(f"{SWEEP} task.size=2.5", r"task.size: it should be a valid integer; got 2.5"),
    Case(f"{SWEEP} ~task", r"task: expected an option of conf/task"),
    Case(f"{SWEEP} ~task.seed", r"task.seed must be given, as in task.seed="),
    Case(f"{SWEEP} seed=abc", r"seed: it should be a valid integer; got 'abc'"),
    Case(f"{SWEEP} probe=maybe", r"probe: it should be a valid boolean; got 'maybe'"),
    Case(f"{SWEEP} flush_seconds=-1", r"flush_seconds must not be negative; got -1"),
    Case(f"{SWEEP} jobs_at_once=0", r"jobs_at_once must be at least 1; got 0"),
    Case(f"{SWEEP} jobs_at_once=many", r"hydra.launcher.jobs_at_once: it should be a valid integer; got 'many'"),
    Case(f"{SWEEP} run=", r"run is empty. Give a name in results/runs, or a path"),
    Case("experiment=embedded model=hf run={here}/run", r"model.path must be given, as in model.path="),
    Case(
        "experiment=embedded model=hf model.path='' run={here}/run",
        r"model.path is empty; give a folder, or a hub id",
    ),
    Case(
        f"{SWEEP} model.name=../../esc",
        r"model.name becomes part of file names: it .* without / .*; got '../../esc'",
    ),
    Case(
        f"{SWEEP} model.name=.esc",
        r"model.name becomes part of file names: .* without a dot at the start; got '.esc'",
    ),
    Case(
        "experiment=embedded model=countdown-33k,countdown-33k", r"model lists countdown-33k twice; list it once"
    ),
    Case(f"plan {SWEEP} --config-name=nope", r"Cannot find primary config 'nope'"),
    Case(f"plan {SWEEP} --cfg job", r"^jobs_at_once: 2$", 0),
    Case(f"{SWEEP} model.path=3", r"No model at '3': give a folder that exists"),
    Case(f"{SWEEP} sampling.temperature=hot", r"sampling.temperature: it should be a valid number; got 'hot'"),
    Case(f"{SWEEP} sampling.temperature=-1", r"sampling.temperature must be finite and not negative; got -1"),
    Case(f"{SWEEP} sampling.temperature=nan", r"sampling.temperature must be finite and not negative; got nan"),
    Case(f"{SWEEP} sampling.top_p=2", r"sampling.top_p must be above 0 and at most 1; got 2"),
    Case(f"{SWEEP} sampling.max_answer_tokens=0", r"sampling.max_answer_tokens must be at least 1; got 0"),
    Case(f"{SWEEP} grid.widths=4", r"grid.widths: it should be a valid list; got 4"),
    Case(f"{SWEEP} grid.widths=[0]", r"grid.widths start at 1; got \[0\]"),
    Case(f"{SWEEP} grid.widths=[]", r"grid.widths must be whole numbers, at least one, none negative; got \[\]"),
    Case(f"{SWEEP} grid.budgets=[a]", r"grid.budgets: it should be a valid integer; got \['a'\]"),
    Case(f"{SWEEP} grid.budgets=[-16]", r"grid.budgets must be whole numbers, .*; got \[-16\]"),
    Case(f"{SWEEP} grid.budgets=[0,4096]", r"has a context of 320 tokens; .* Lower grid.budgets to at most 2\d\d"),
    Case(f"{SWEEP} grid.reference_budget=-1", r"grid.reference_budget must not be negative; got -1"),
    Case(f"{SWEEP} grid.bin_samples=0", r"grid.bin_samples must be at least 1; got 0"),
]
THINKING = [
    Case(
        f"{SWEEP} thinking.force=''",
        r"thinking.force is empty; give the text that closes a cut trace, such as </think>",
    ),
    Case(f"{SWEEP} thinking.close=''", r"thinking.close is empty; give the text that closes thinking, .* or null"),
    Case(f"{SWEEP} thinking.close=1+1", r"thinking.close '1\+1' is 3 tokens for this tokenizer; it must be one"),
    Case(f"{SWEEP} grid.extensions=[-1]", r"grid.extensions must be whole numbers, .*; got \[-1\]"),
    Case(
        f"{SWEEP} grid.extensions=[1] thinking.extend=''",
        r"grid.extensions takes back the marker .* thinking.extend",
    ),
    Case(f"{SWEEP} thinking.extensions=1", r"no option thinking.extensions; did you mean grid.extensions"),
    Case(f"{SWEEP} thinking=qwen3", r"The tokenizer has no chat template; choose a thinking option"),
]
TASKS = [
    Case(
        f"{SWEEP} task.name=countdwn",
        r"reasoning-gym cannot make task 'countdwn': it has no generator of this name; did you mean countdown",
    ),
    Case(f"{SWEEP} task.params.min_numbers=9", r"reasoning-gym cannot make task 'countdown': .*max_numbers"),
    Case(
        f"{SWEEP} task.params.min_numbers=few",
        r"'countdown': task.params has a value of a wrong type, .*'str' and 'int'",
    ),
    Case(f"{SWEEP} +task.params.colour=red", r"there is no task.params.colour; its parameters are .*min_numbers"),
    Case(
        f"{SWEEP} task=reasoning_gym task.name=zebra_puzzles +task.params.num_people=99",
        r"'zebra_puzzles': .*num_people",
    ),
    Case(
        f"{SWEEP} task.vote_key.path=math.sqrt",
        r"task.vote_key must be a function written in Python, such as harness",
    ),
    Case(
        f"{SWEEP} task.extract=boxed",
        r"task.extract: there is no function boxed; expected a dotted name, as in task",
    ),
    Case(f"{SWEEP} task.extract=math.sqrt", r"task.extract must be a function written in Python, such as harness"),
    Case(f"{SWEEP} task.render=nothing", r"task.render: it should be callable; got 'nothing'"),
]
ENGINES = [
    Case(f"{SWEEP} engine.tensor_parallel_size=0", r"engine.tensor_parallel_size must be at least 1; got 0"),
    Case(
        f"{SWEEP} engine.gpu_memory_utilization=2",
        r"engine.gpu_memory_utilization must be above 0 and at most 1; got 2",
    ),
    Case(f"{SWEEP} +engine.options.model=x", r"engine.options.model is refused; set model.path"),
    Case(f"{SWEEP} engine.max_num_seqs=none", r"engine.max_num_seqs: it should be a valid integer; got 'none'"),
    Case(f"{SWEEP} engine=server engine.url=null", r"engine.url: it should be a valid string; got None"),
    Case(
        f"{SWEEP} engine=server engine.url=gpu7:8000",
        r"engine.url must look like http://127.0.0.1:8000/v1; got 'gpu7:8000'",
    ),
    Case(
        f"{SWEEP} engine=server engine.url=http://127.0.0.1:99999/v1 hydra.mode=RUN",
        r"engine.url must look like http://127.0.0.1:8000/v1; got 'http://127.0.0.1:99999/v1'",
    ),
    Case(
        f"{SWEEP} engine=server engine.url=http://me:secret@host/v1",
        r"engine.url must not contain a key or password",
    ),
    Case(f"{SWEEP} engine=server engine.retries=-1", r"engine.retries must not be negative; got -1"),
    Case(
        f"{SWEEP} engine=server engine.api_key_variable=NOWHERE_SET", r"is empty. Set it to the key and export it"
    ),
    Case(
        f"{SWEEP} engine=server engine.url=http://127.0.0.1:9/v1 engine.retries=0 hydra.mode=RUN",
        r"countdown-33k: No server answers at http://127.0.0.1:9/v1 .*\. Is the server running\? Is engine.url right\?",
    ),
    Case(
        "experiment=embedded model=qwen3-0.6b model.path=ladder/checkpoints/countdown-33k run={here}/run "
        "engine=server engine.url=http://127.0.0.1:9/v1 engine.retries=0 hydra.mode=RUN",
        r"countdown-33k: No server answers at http://127.0.0.1:9/v1",
    ),
    Case(
        f"{SWEEP} engine=server engine.url={{web}} hydra.mode=RUN",
        r"has no list of models. engine.url usually ends in",
    ),
    Case(f"{SWEEP} engine=server engine.url={{web}}/page hydra.mode=RUN", r"did not answer with a list of"),
]
PATHS = [
    Case(
        "experiment=embedded model=hf model.path=./nowhere",
        r"No model at './nowhere': give a folder that exists, or a hub",
    ),
    *(
        Case(f"experiment=embedded model=hf model.path={{here}}/{name} run={{here}}/run", message)
        for name, message in [
            ("file", r"/file is a file; model.path must be the folder with config.json"),
            ("empty", r"/empty is empty; give a folder with config.json"),
            ("no-weights", r"No \*.safetensors in .*/no-weights"),
            (
                "cut-weights",
                r"cut-weights/model.safetensors is damaged or incomplete \(it has .* and its header says",
            ),
            (
                "cut-header",
                r"cut-header/model.safetensors is damaged or incomplete \(its header is longer than the file\)",
            ),
            ("no-safetensors", r"no-safetensors/model.safetensors is damaged or incomplete"),
            ("broken-config", r"broken-config/config.json is not JSON \(.*\). Download or write it again"),
            ("list-config", r"list-config/config.json has no settings\. Download"),
            ("poor-config", r"config.json: hidden_size must be a whole number from 0 to 10,000,000; got 'wide'"),
            (
                "no-tokenizer",
                r"No tokenizer in .*/no-tokenizer: copy tokenizer.json and tokenizer_config.json there",
            ),
            (
                "broken-tokenizer",
                r"No tokenizer in '.*/broken-tokenizer' that can be read \(.*\); copy tokenizer.json and its config",
            ),
        ]
    ),
    *(
        Case(f"{words} run={{here}}/run", message)
        for words, message in [
            (
                "model.path={here}/lora",
                r"lora: .*/lora is a LoRA adapter, not a model\. Merge it into its base",
            ),
            (
                "plan model.path={here}/lora",
                r"lora: .*/lora is a LoRA adapter, not a model\. Merge it into its base",
            ),
            ("model.path=~/nowhere", r"nowhere: No model at '/.*/nowhere': give a folder that exists"),
            ("model.path={here}/pickled", r"pickled: .*/pickled holds pickled weights only"),
            (
                "model.path={here}/unknown",
                r"unknown: config.json names the architecture 'LamaForCausalLM' \('lama'\)",
            ),
            (
                "model.path={here}/q4.gguf",
                r"q4.gguf: q4.gguf is a GGUF file; .* Give the model that it was made from",
            ),
            (
                "model.path=ladder/checkpoints/countdown-33k",
                r"countdown-33k: The model's tokenizer has no tokens for 'S' 't' 'a'",
            ),
            ("model.path=", r"model.path is empty; give a folder, or a hub id such as Qwen/Qwen3-8B"),
            ("model.path={here}/.hidden", r"model.name becomes part of file names: .*; got '.hidden'"),
        ]
    ),
    Case("experiment=embedded model=countdown-33k run={here}/file", r"/file is a file.*make a folder of it with"),
    Case("export", r"the following arguments are required: FOLDER"),
    Case("export /proc/nope task=countdown", r"/proc/nope: .*\. Give another FOLDER, or correct this"),
    Case("export {here}/file task=countdown", r"/file: File exists. Give another FOLDER, or correct this"),
    Case("experiment=embedded model=countdown-33k run=/proc/run", r"/proc/run.*: .*choose another RUN"),
]
DAMAGED = [
    Case(
        "plan experiment=embedded model=countdown-33k run={here}/flipped",
        r"Damaged or missing:\n.*/traces/.*\n`isoquant sweep` sets",
    ),
    Case("grade", r"the following arguments are required: RUN"),
    Case(
        "grade results/reference task.extrct=a.b",
        r"Expected task.render, task.extract, task.vote_key, task.dials=<function>, .*; got 'task.extrct",
    ),
    Case(
        "grade results/reference task.extract=harness.answers.bxed",
        r"task.extract: there is no function harness.ans",
    ),
    Case(
        "grade results/reference task.extract=os.system",
        r"task.extract must be a function written in Python, such as harness.answers.final_answer; got <built-in",
    ),
    Case("grade nowhere", r"No run 'nowhere'; runs here: .*Run `isoquant sweep`, or give results/reference"),
    Case("grade {here}/file", r"/file is a file, but not a packed run"),
    Case("grade {here}/empty", r"No recorded jobs in .*/empty/provenance"),
    Case(
        "grade {here}/torn-record",
        r"/torn-record/provenance/.*json is not a record of a job, or it is damaged. Move it away",
    ),
    Case(
        "grade {here}/other-record", r"/other-record/provenance/.*json is not a record of a job, or it is damaged"
    ),
    Case(
        "grade {here}/flipped-again",
        r"is damaged: set aside as .*its rows are drawn again[\s\S]*answers graded in",
        0,
    ),
    Case("grade {here}/torn-manifest", r"^0 answers graded in", 0),
]
ANALYSIS = [
    Case("", r"usage: isoquant COMMAND"),
    Case("plot {here}/empty", r"There is no command 'plot'; `isoquant --help` lists them"),
    Case("sumary {here}/empty", r"There is no command 'sumary'; did you mean summary\?"),
    Case(
        "summary results/reference --colour red",
        r"unrecognized arguments: --colour red; `isoquant summary --help`",
    ),
    Case("summary", r"the following arguments are required: RUN"),
    Case("figures nowhere", r"No run 'nowhere'; runs here: .*Run `isoquant sweep`, or give results/reference"),
    Case("figures {here}/file", r"/file is a file, but not a packed run"),
    Case("figures {here}/empty", r"No graded answers in .*/empty\. Run `isoquant sweep`"),
    Case("summary {here}/ungraded", r"isoquant sweep"),
    Case("summary {here}/torn-shard", r"Damaged tables in .*/torn-shard .*`isoquant sweep` sets them aside"),
    Case("summary results/reference --cost c9", r"argument --cost: invalid choice: 'c9' \(choose from"),
    Case("summary results/reference --price x=1:2", r"Only cost model c5 uses --price\. Add --cost c5, or"),
    Case("match results/reference --cost c2 --throughput x=1:2", r"Only cost model c4 uses --throughput"),
    Case(
        "match results/reference --cost c5 --price a=1:2 b=1:1 a=3:4",
        r"--price names a twice; give each model once",
        2,
    ),
    Case("route results/reference --cost c5 --price a=1:2 --price a=1:2", r"--price names a twice"),
    Case(
        "replay results/reference --cost c4 --throughput a=1:2 a=1:2 b=1:2 b=1:2",
        r"--throughput names a, b twice",
        2,
    ),
    Case(
        "serve results/reference --target .5 --queries 9 --pretraining-tokens a=2",
        r"'2' is not a size; write 7e9 or 7B",
    ),
    Case(
        "summary results/reference --label target",
        r"Only bins of a label read --label, and --difficulty is anchor. Add --difficulty label",
    ),
    Case(
        "serve results/reference --target .5 --queries 9 --pretraining-tokens a=9e9 a=9T",
        r"--pretraining-tokens names a twice",
    ),
    Case(
        "power results/reference --models countdown-33k countdown-33k",
        r"names countdown-33k twice, and power compares two models",
    ),
    Case(
        "compare results/reference:countdown-33k results/reference:countdown-33k",
        r"BASE and NEW are both countdown-33k of results/reference; name two models, or two runs",
    ),
    Case("summary results/reference --rule best", r"argument --rule: invalid choice: 'best' \(choose from"),
    Case("summary results/reference --bins many", r"argument --bins: invalid int value: 'many'"),
    Case("summary results/reference --bins 0", r"num_bins must be at least 1, not 0"),
    Case("summary results/reference --seed -1", r"--seed must not be negative; got -1"),
    Case("power results/reference --effect nan", r"effect must lie in \(0, 1\]: .*, such as 0.03; got nan"),
    Case(
        "summary results/reference --anchor nobody",
        r"'nobody' has no samples held out for bins; anchors of this run: \[",
    ),
    Case("summary results/reference --task chess", r"Choose one task of .*, not 'chess'"),
]
MAKE = [
    Case("plan model.path=/m", r"model.path is an option of the sweep and stands in ARGS: make plan ARGS="),
    Case("sweep RUN=mine task=gsm8k", r"task is an option of the sweep and stands in ARGS: make sweep ARGS="),
    Case("sweep seed=3", r"seed is an option of the sweep and stands in ARGS"),
    Case("sweep EXPERIMENT=nothing", r"There is no experiment=nothing; there are .*qwen3"),
    Case("figures RUN=nowhere", r"No run 'nowhere'; runs here: "),
    Case("report RUN=nowhere", r"No run 'nowhere'; runs here: "),
    Case("compare NEW=a", r"Give BASE=run or BASE=run:model"),
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints and runs, each broken in the way its name says."""
    root = tmp_path_factory.mktemp("broken")
    (root / "file").write_text("a file")
    (root / "empty").mkdir()
    break_checkpoints(root)
    break_runs(root)
    return root


def break_checkpoints(root: Path) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(RUNG, root / name))

    weights = (RUNG / "model.safetensors").read_bytes()
    config = json.loads((RUNG / "config.json").read_text())
    (copy("no-weights") / "model.safetensors").unlink()
    (copy("cut-weights") / "model.safetensors").write_bytes(weights[:-1000])
    (copy("cut-header") / "model.safetensors").write_bytes(weights[:100])
    (copy("no-safetensors") / "model.safetensors").write_bytes(b"<html>404 Not Found</html>")
    (copy("broken-config") / "config.json").write_text('{"hidden_size": 32,')
    (copy("list-config") / "config.json").write_text("[32]")
    (copy("poor-config") / "config.json").write_text(json.dumps(config | {"hidden_size": "wide"}))
    bare = copy("no-tokenizer")
    for path in bare.glob("tokenizer*"):
        path.unlink()
    (copy("broken-tokenizer") / "tokenizer.json").write_text('{"version": ')
    unknown = config | {"architectures": ["LamaForCausalLM"], "model_type": "lama"}
    (copy("unknown") / "config.json").write_text(json.dumps(unknown))
    for name, file in (
        ("lora", "adapter_config.json"),
        ("pickled", "pytorch_model.bin"),
        (".hidden", "config.json"),
    ):
        (root / name).mkdir()
        (root / name / file).write_text("{}")
    (root / "q4.gguf").write_text("")


def break_runs(root: Path) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(REFERENCE, root / name, ignore=shutil.ignore_patterns(*LEFT_OUT)))

    for name in ("flipped", "flipped-again"):
        flip_bit(list_shards(copy(name) / "traces")[0], np.random.default_rng(0))
    shard = list_shards(copy("torn-shard") / "answers")[0]
    shard.write_bytes(shard.read_bytes()[:-50])
    shutil.rmtree(copy("ungraded") / "grades")
    for name, text in (("torn-record", '{"config": {"ta'), ("other-record", '{"seed": 1}')):
        (sorted((copy(name) / "provenance").glob("*.json"))[0]).write_text(text)
    torn = copy("torn-manifest") / "manifest"
    torn.mkdir(exist_ok=True)
    (torn / "countdown-33k.jsonl").write_text('{"shard": "traces/x.000000.0.parquet", "sha2')


class Page(http.server.BaseHTTPRequestHandler):
    """A web server that is no engine: a page below /page, nothing elsewhere."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/page") else 404)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def assert_told(case: Case, code: int, said: str) -> None:
    assert code == case.code, said
    assert re.search(case.message, said, re.MULTILINE), said
    assert "Traceback" not in said and not EXCEPTION.search(said), said


def every_third(cases: list[Case]) -> list[ParameterSet]:
    """Each starts a process; the others wait for `make test SUITE=long`."""
    return [
        pytest.param(case, id=str(case), marks=pytest.mark.long if number % 3 else ())
        for number, case in enumerate(cases)
    ]


@pytest.mark.parametrize("case", every_third([*CONFIGS, *THINKING, *TASKS, *ENGINES, *PATHS, *DAMAGED]))
def test_a_sweep_is_told_in_a_line(case: Case, here: Path, web: str) -> None:
    words = case.words.format(here=here, web=web).split()
    # A job alone is a model that failed.
    case = case._replace(code=1) if ONE_JOB in words else case
    ended = forked.run("isoquant", *([] if words[:1] in (["plan"], ["grade"], ["export"]) else ["sweep"]), *words)
    assert_told(case, ended.code, ended.out + ended.err)


@pytest.mark.parametrize(
    ("command", "message"),
    [("grade", "No run ''; runs here"), ("summary", "No run ''; runs here"), ("figures", "No run ''; runs here")],
)
def test_an_empty_word_is_told_in_a_line(command: str, message: str) -> None:
    ended = forked.run("isoquant", command, "")
    assert_told(Case(command, message), ended.code, ended.out + ended.err)


@pytest.mark.parametrize("case", ANALYSIS, ids=str)
def test_an_analysis_is_told_in_a_line(case: Case, here: Path) -> None:
    ended = forked.run("isoquant", *case.words.format(here=here).split())
    assert_told(case, ended.code, ended.out + ended.err)


@pytest.mark.parametrize(
    "words", ["model.path=/m task.size=8 seed=3", "experiment=embedded grid.budgets=[0,64]", ""]
)
def test_options_in_args_reach_the_command(words: str) -> None:
    make = ["make", "--dry-run", "--old-file=setup", "plan", "RUN=mine", f"ARGS={words}"]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and f'-m isoquant plan  "run=mine" {words}' in done.stdout, done


@pytest.mark.parametrize("case", MAKE, ids=str)
def test_a_make_target_is_told_in_a_line(case: Case) -> None:
    make = ["make", "--old-file=setup", f"PY={sys.executable}", *case.words.split()]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert_told(case, done.returncode, done.stdout + done.stderr)
