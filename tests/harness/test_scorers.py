"""What the installed scorers do to an answer, read from their source, is what the table of scorers says."""

import pytest
from reasoning_gym.factory import DATASETS

from harness.tasks.scorers import COMPARES, READERS, UNTRUSTED
from tests.harness.scorer_calls import find_calls

# They compare, count, take apart or compute with what they are given; none of the last three lines is given a text.
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
