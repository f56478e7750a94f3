import numpy as np
import pytest

from analysis.costs import COST_MODELS, Shape, cell_cost, choose, serial_tokens, total_tokens

SHAPE = Shape(num_matmul_params=1000, num_layers=3, num_heads=2, head_dim=32)
PROMPT, DECODED = np.array([5, 9]), np.array([[4, 6, 20], [10, 10, 10]])


def cost_of(name: str, widths: list[int]) -> np.ndarray:
    return cell_cost(COST_MODELS[name], SHAPE, prompt_tokens=PROMPT, decoded_tokens=DECODED, widths=widths)


def test_params_only_flops_are_two_a_weight_and_token():
    mean = DECODED.mean(axis=1)
    np.testing.assert_allclose(
        cost_of("c1", [1, 3]), [[2000 * (p + k * t) for k in (1, 3)] for p, t in zip(PROMPT, mean, strict=True)]
    )


def test_attention_flops_equal_the_sum_over_decoded_tokens():
    width = SHAPE.num_layers * SHAPE.num_heads * SHAPE.head_dim
    for row, (prompt, lengths) in enumerate(zip(PROMPT, DECODED, strict=True)):
        decode = [sum(2000 + 4 * width * (prompt + t) for t in range(1, length + 1)) for length in lengths]
        expected = 2000 * prompt + 2 * width * prompt**2 + 2 * np.mean(decode)
        assert cost_of("c2", [2])[row, 0] == pytest.approx(expected)


def test_prefill_is_shared_by_the_samples_of_a_prompt():
    one, two, three = cost_of("c2", [1, 2, 3]).T
    np.testing.assert_allclose(three - two, two - one)
    assert np.all(two < 2 * one)


def test_counting_attention_never_makes_a_cell_cheaper():
    assert np.all(cost_of("c2", [1, 2]) > cost_of("c1", [1, 2]))


def test_total_tokens_hold_the_prompt_once():
    np.testing.assert_allclose(
        total_tokens(prompt_tokens=PROMPT, decoded_tokens=DECODED, widths=[1, 3]), [[15, 35], [19, 39]]
    )


def test_serial_tokens_grow_from_the_mean_sample_to_the_longest():
    serial = serial_tokens(DECODED, [1, 2, 3])
    np.testing.assert_allclose(serial[:, [0, 2]], np.column_stack([DECODED.mean(axis=1), DECODED.max(axis=1)]))
    np.testing.assert_allclose(serial[0, 1], (6 + 20 + 20) / 3)


def test_an_unknown_cost_model_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"choose from \['c1', 'c2'\]"):
        choose("c9")
