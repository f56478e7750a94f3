import numpy as np
import pytest

from analysis.costs.roofline import Line, sum_of_larger


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Line(5.0, 0.1), Line(1.0, 0.7)),
        (Line(1.0, 0.7), Line(5.0, 0.1)),
        (Line(5.0, 0.1), Line(9.0, 0.7)),
        (Line(500.0, 0.1), Line(1.0, 0.7)),
        (Line(5.0, 0.3), Line(4.0, 0.3)),
    ],
)
def test_the_sum_equals_adding_up_the_larger_line_token_by_token(one: Line, other: Line):
    for start in (0, 3, 40):
        for length in (0, 1, 17):
            terms = [
                max(line.level + line.slope * (start + t) for line in (one, other)) for t in range(1, length + 1)
            ]
            found = sum_of_larger(one, other, start=np.array(float(start)), length=np.array(float(length)))
            assert found == pytest.approx(sum(terms))
