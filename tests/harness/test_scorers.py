"""What the installed scorers do to an answer, read from their source, is what the table of scorers says."""

import ast
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from reasoning_gym.factory import DATASETS

from harness.tasks.lm_eval_load import check_plain
from harness.tasks.rules import RULES
from harness.tasks.scorers import COMPARES, EVALUATED, READERS, UNTRUSTED
from tests.harness.scorer_calls import find_calls

# They compare, count, take apart or compute with what they are given; none of the last three lines is given a
# text.
HARMLESS = """
abs all any bool chr copy.deepcopy dict enumerate isinstance issubclass json.dumps len list map math.exp math.prod max
min next numpy.absolute numpy.allclose numpy.array numpy.isclose numpy.round ord range re.findall re.fullmatch re.match
re.search re.split reversed set sorted str str.__new__ sum tuple type zip Pattern.findall enum.Flag print
AttributeError DeprecationWarning Exception IndexError KeyError TypeError ValueError ZeroDivisionError
sympy.core.function.diff sympy.core.symbol.Symbol sympy.simplify.simplify.simplify zss.compare.simple_distance
zss.simple_tree.Node .addkid .adjusted .is_zero .quantize .is_done .get_curr_state .load_puzzle_matrix .evaluate
.simplify .randint .weekday .warn self._is_solved
"""
# These take the answer's words one by one: their own code is read as far as it lies in reasoning-gym.
MOVES = {".move", ".perform_moves", ".rotate"}
# What turns a text into code or an object, by the name that it is called by.
EVALUATORS = {
    "eval",
    "exec",
    "literal_eval",
    "parse_expr",
    "parse_latex",
    "sympify",
    "lambdify",
    "Popen",
    "check_output",
}
# Of math-verify and its parser of LaTeX: the first for a kind of answer that is not asked for, the second for
# values of variables, of which none are given, the third for parts that are objects by then.
MATH_VERIFY = {"parser.py": {"parse_expr"}, "latex2sympy2.py": {"parse_expr"}, "logic.py": {"sympify"}}
# lm-eval's own tasks whose graders do more with an answer than compare it. Those of code, longproc and score/math
# are refused; noreval scores all answers at once, which no task here can; the others hand it to literal_eval or,
# where antlr 4.11 is installed, which math-verify's own rules out, to sympy's parser of LaTeX.
LM_EVAL = {
    "catalan_bench/cieacova/utils.py": {"literal_eval"},
    "cruxeval/utils.py": {"exec"},
    "leaderboard/math/utils.py": {"parse_latex"},
    "lingoly/script.py": {"literal_eval"},
    "longproc/metrics.py": {"Popen", "check_output", "eval"},
    "minerva_math/utils.py": {"parse_latex"},
    "noreval/ask_gec/errant.py": {"check_output"},
    "putnam_axiom/utils.py": {"parse_latex"},
    "score/math/math_grader.py": {"parse_expr"},
}
# Theirs evaluate columns of the document, which its makers wrote.
OF_DOCUMENTS = (
    "afrimmlu",
    "arabic_leaderboard",
    "eq_bench",
    "leaderboard/musr",
    "med_prescriptions",
    "mmmu",
    "pisa",
    "race",
)


def read_evaluators(path: Path) -> set[str]:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {getattr(called, "id", getattr(called, "attr", "")) for called in calls} & EVALUATORS


def find_package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def test_the_table_names_every_generator_once_as_one_that_reads_or_compares() -> None:
    reading = {name for names in READERS.values() for name in names}
    assert sorted(reading | set(COMPARES)) == sorted(DATASETS)
    assert reading & set(COMPARES) == set() and set(UNTRUSTED) <= DATASETS.keys()


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_scorer_reads_an_answer_with_no_more_than_the_table_says(name: str) -> None:
    calls = find_calls(DATASETS[name][0].score_answer, DATASETS[name][0])
    assert calls - set(HARMLESS.split()) - MOVES - {"import warnings"} == {
        reader for reader, names in READERS.items() if name in names
    }


class Hidden:
    """A scorer that evaluates by a detour."""

    def score_answer(self, answer: str, entry: dict[str, str]) -> float:
        return self._read(answer) if answer else float(answer)

    def _read(self, answer: str) -> float:
        return float(eval(answer))


def test_an_eval_behind_a_method_is_found() -> None:
    assert {"eval", "float"} <= find_calls(Hidden.score_answer, Hidden)


def test_of_what_a_scorer_evaluates_nothing_passes_without_a_rule() -> None:
    evaluating = {*READERS["eval"], *READERS["sympy.parsing.sympy_parser.parse_expr"]}
    assert evaluating <= RULES.keys()
    own = {name for name, rule in RULES.items() if rule.score is not None}
    # Two evaluate a text of their entry; ours score the rest of those that are not told as evaluating.
    assert evaluating - set(EVALUATED) - own == {"bitwise_arithmetic", "number_sorting"}
    assert set(EVALUATED) <= evaluating


def test_math_verify_and_its_parser_evaluate_no_more_than_is_known() -> None:
    files = [path for name in ("math_verify", "latex2sympy2_extended") for path in find_package(name).glob("*.py")]
    found = {path.name: read_evaluators(path) for path in files}
    assert {name: evaluators for name, evaluators in found.items() if evaluators} == MATH_VERIFY


def test_lm_evals_own_tasks_evaluate_no_more_than_is_known() -> None:
    root = find_package("lm_eval") / "tasks"
    found = {str(path.relative_to(root)): read_evaluators(path) for path in root.rglob("*.py")}
    told = {
        name: evaluators for name, evaluators in found.items() if evaluators and not name.startswith(OF_DOCUMENTS)
    }
    assert told == LM_EVAL


def test_a_task_of_lm_eval_that_evaluates_an_answer_unsaid_is_refused() -> None:
    namespace: dict[str, Any] = {}
    path = find_package("lm_eval") / "tasks" / "score" / "math" / "utils_math.py"
    assert path.is_file()
    exec(compile("def process_results(doc, results): ...", str(path), "exec"), namespace)
    leaf = SimpleNamespace(config=SimpleNamespace(process_results=namespace["process_results"]))
    with pytest.raises(ValueError, match="'score_math' runs code that a model writes"):
        check_plain("score_math", leaf)
