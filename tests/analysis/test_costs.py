import numpy as np
import pytest

from analysis.costs import roofline
from analysis.costs.cost_models import COST_MODELS, Verdicts, cell_cost, choose, serial_tokens, total_tokens
from analysis.costs.shapes import PerToken, Shape

SHAPE = Shape(num_matmul_params=1000, num_layers=3, num_heads=2, head_dim=32)
PROMPT, DECODED = np.array([5, 9]), np.array([[4, 6, 20], [10, 10, 10]])


def cost_of(name: str, widths: list[int]) -> np.ndarray:
    return cell_cost(choose(name), SHAPE, prompt_tokens=PROMPT, decoded_tokens=DECODED, widths=widths)


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
    with pytest.raises(ValueError, match=r"choose from \['c1', 'c2', 'c3', 'c4', 'c5', 'tokens', 'samples'\]"):
        choose("c9")


# Qwen3's published shapes: weights in matrix products with the (tied) output head, layers, query heads, head size.
QWEN3_600M = Shape(28 * 15_728_640 + 151_936 * 1024, num_layers=28, num_heads=16, head_dim=128, num_kv_heads=8)
QWEN3_8B = Shape(36 * 192_937_984 + 151_936 * 4096, num_layers=36, num_heads=32, head_dim=128, num_kv_heads=8)


@pytest.mark.parametrize(("shape", "context", "factor"), [(QWEN3_600M, 5_000, "1.8"), (QWEN3_8B, 26_000, "1.16")])
def test_attention_catches_up_with_the_weights_where_the_method_says(shape: Shape, context: float, factor: str):
    assert 2 * shape.num_matmul_params / (4 * shape.attention_width) == pytest.approx(context, rel=0.05)
    at = [float(COST_MODELS[name].decode(shape, np.array(4095.0), np.array(1.0))) for name in ("c2", "c1")]
    assert round(at[0] / at[1], len(factor) - 2) == float(factor)


def test_layers_with_linear_attention_cost_nothing_that_grows_with_the_context():
    hybrid, plain = (SHAPE._replace(num_linear_layers=number) for number in (2, 0))
    for decoded in (10.0, 100.0):
        costs = [
            COST_MODELS["c2"].decode(s, np.array(5.0), np.array(decoded)) - 2000 * decoded for s in (hybrid, plain)
        ]
        assert costs[0] == pytest.approx(costs[1] / 3)
    assert hybrid.cached_bytes == plain.cached_bytes / 3


def test_small_batches_wait_for_the_weights_and_large_ones_for_their_cache_or_the_arithmetic():
    gpu = roofline.GPUS["H100"]
    alone = float(choose("c3", gpu="H100", batch=1).decode(QWEN3_8B, np.array(0.0), np.array(1.0)))
    assert alone == pytest.approx((2 * QWEN3_8B.num_matmul_params + QWEN3_8B.cached_bytes) / gpu.bytes_per_second)
    together = float(choose("c3", gpu="H100", batch=4096).decode(QWEN3_8B, np.array(0.0), np.array(1.0)))
    flops = 2 * QWEN3_8B.num_matmul_params + 4 * QWEN3_8B.attention_width
    assert together == pytest.approx(flops / gpu.peak_flops)


def test_roofline_seconds_equal_the_larger_bound_summed_token_by_token():
    gpu, model = roofline.GPUS["L4"], choose("c3", gpu="L4", batch=256)
    for prompt, length in ((0, 1), (900, 2500)):
        x = prompt + np.arange(1, length + 1)
        flops = 2 * QWEN3_600M.num_matmul_params + 4 * QWEN3_600M.attention_width * x
        read = 2 * QWEN3_600M.num_matmul_params / 256 + QWEN3_600M.cached_bytes * x
        expected = np.maximum(flops / gpu.peak_flops, read / gpu.bytes_per_second).sum()
        found = float(model.decode(QWEN3_600M, np.array(float(prompt)), np.array(float(length))))
        assert found == pytest.approx(expected)


def test_a_cached_token_holds_keys_and_values_of_every_layer():
    assert QWEN3_8B.cached_bytes == 2 * 36 * 8 * 128 * 2


def seconds_a_token(shape: Shape, *, batch: int) -> float:
    return float(choose("c3", gpu="H200", batch=batch).decode(shape, np.array(0.0), np.array(1.0)))


def test_a_mixture_of_experts_computes_with_its_active_weights_and_reads_more_of_them_the_larger_the_batch():
    """Weights of DeepSeek-V3: 671 billion, of which 37 are met; 256 experts a layer, 8 of them chosen."""
    share = 8 / 256
    mixture = Shape(37_000_000_000, 61, 128, 128, num_expert_params=634e9 / (1 - share), expert_share=share)
    assert COST_MODELS["c1"].decode(mixture, np.array(0.0), np.array(1.0)) == 2 * 37e9
    assert mixture.weight_bytes(np.array([1.0, 1e6])) == pytest.approx([2 * 37e9, 2 * 671e9])
    dense = mixture._replace(num_expert_params=0, expert_share=1.0)
    one, some, many = (seconds_a_token(mixture, batch=b) / seconds_a_token(dense, batch=b) for b in (1, 32, 256))
    assert one == pytest.approx(1)
    # Counting all of its weights would charge 18 times as much, whatever the batch.
    assert 1 < some < many < 671 / 37


def test_the_experts_a_batch_meets_are_those_that_even_draws_would():
    mixture = SHAPE._replace(num_expert_params=800, expert_share=2 / 8, bytes_per_weight=1.0)
    rng = np.random.default_rng(0)
    draws = [len({e for _ in range(5) for e in rng.choice(8, size=2, replace=False)}) for _ in range(4000)]
    expected = 1000 - 200 + 100 * np.mean(draws)
    assert float(mixture.weight_bytes(np.array(5.0))) == pytest.approx(expected, rel=0.01)


def test_a_layer_with_a_window_attends_to_no_more_than_that():
    windowed = SHAPE._replace(num_window_layers=2, window=9)
    width = SHAPE.num_heads * SHAPE.head_dim
    for prompt, length in ((0, 4), (5, 20), (40, 7)):
        attended = [(prompt + t) + 2 * min(prompt + t, 9) for t in range(1, length + 1)]
        found = COST_MODELS["c2"].decode(windowed, np.array(float(prompt)), np.array(float(length)))
        assert found == pytest.approx(2000 * length + 4 * width * sum(attended))
        # As in the sum without a window, a token's own place is counted by half.
        seen = [(t - 0.5) + 2 * (t - 0.5 if t <= 9 else 9) for t in range(1, prompt + 1)]
        found = COST_MODELS["c2"].prefill(windowed, np.array(float(prompt)))
        assert found == pytest.approx(2000 * prompt + 4 * width * sum(seen))


def test_a_window_that_nothing_reaches_changes_no_cost():
    windowed = QWEN3_8B._replace(num_window_layers=30, window=100_000)
    for model in (COST_MODELS["c2"], choose("c3", gpu="L4")):
        arguments = {"prompt_tokens": PROMPT, "decoded_tokens": 100 * DECODED, "widths": [1, 3]}
        np.testing.assert_allclose(
            cell_cost(model, windowed, **arguments), cell_cost(model, QWEN3_8B, **arguments)
        )


def test_roofline_seconds_with_a_window_equal_the_larger_bound_summed_token_by_token():
    gpu, model = roofline.GPUS["L4"], choose("c3", gpu="L4", batch=256)
    shape = QWEN3_600M._replace(num_window_layers=20, window=1024)
    for prompt, length in ((0, 1), (900, 2500), (3000, 10)):
        x = prompt + np.arange(1, length + 1)
        seen = np.minimum(x, 1024)
        flops = 2 * shape.num_matmul_params + 4 * (shape.attention_width * x + shape.window_width * seen)
        read = 2 * shape.num_matmul_params / 256 + shape.cached_bytes * x + shape.window_bytes * seen
        expected = np.maximum(flops / gpu.peak_flops, read / gpu.bytes_per_second).sum()
        assert float(model.decode(shape, np.array(float(prompt)), np.array(float(length)))) == pytest.approx(
            expected
        )


def test_keys_and_values_of_different_size_cost_their_mean_and_one_latent_is_kept():
    """DeepSeek-V3: heads of 192 and 128, a latent of 512 with 64 that are turned."""
    latent = Shape(1, 61, 128, 192, num_kv_heads=128, value_head_dim=128, cached_width=576)
    assert latent.attention_width == 61 * 128 * 160
    assert latent.cached_bytes == 61 * 576 * 2


def test_tokens_in_series_are_unknown_where_a_samples_are():
    found = serial_tokens([[3.0, 5.0], [np.nan, 4.0]], [1, 2])
    np.testing.assert_allclose(found, [[4, 5], [np.nan, np.nan]])


def test_measured_seconds_and_dollars_follow_the_tokens():
    shape = SHAPE._replace(throughput=PerToken(1000.0, 50.0), price=PerToken(0.5, 2.0))
    arguments = {"prompt_tokens": PROMPT, "decoded_tokens": DECODED, "widths": [1, 3]}
    expected = PROMPT[:, None] / 1000 + DECODED.mean(axis=1, keepdims=True) * [1, 3] / 50
    np.testing.assert_allclose(cell_cost(choose("c4"), shape, **arguments), expected)
    expected = (0.5 * PROMPT[:, None] + 2 * DECODED.mean(axis=1, keepdims=True) * [1, 3]) / 1e6
    np.testing.assert_allclose(cell_cost(choose("c5"), shape, **arguments), expected)


def test_a_cost_model_without_what_it_needs_is_refused():
    for name, needed in (("c4", "throughput"), ("c5", "price")):
        with pytest.raises(ValueError, match=needed):
            cost_of(name, [1])
    with pytest.raises(ValueError, match="a GPU of .*H100"):
        choose("c3")
    with pytest.raises(ValueError, match="c3"):
        choose("c2", gpu="H100")


VERIFIER = SHAPE._replace(num_matmul_params=500, throughput=PerToken(50.0, 5.0), price=PerToken(3.0, 7.0))


def test_a_verifier_is_charged_for_every_sample_it_chooses_among():
    arguments = {"prompt_tokens": PROMPT, "decoded_tokens": DECODED, "widths": [1, 2, 4]}
    plain = cell_cost(choose("c1"), SHAPE, **arguments)
    read = PROMPT[:, None] + DECODED
    verdicts = Verdicts(VERIFIER, read, np.zeros((*read.shape, 1)))
    charged = cell_cost(choose("c1"), SHAPE, verdicts=verdicts, **arguments)
    np.testing.assert_allclose(charged - plain, 1000 * read.mean(axis=1, keepdims=True) * [0, 2, 4])


@pytest.mark.parametrize("name", ["c1", "c2", "c3", "c4", "c5", "tokens"])
def test_what_a_verifier_reads_is_prefill_of_its_shape_and_each_verdict_is_decoded_after_it(name: str):
    model = choose(name, gpu="H100" if name == "c3" else None)
    shape = SHAPE._replace(throughput=PerToken(100.0, 10.0), price=PerToken(1.0, 2.0))
    read, written = np.array([[30.0, 40.0]]), np.array([[[5.0, 9.0], [0.0, 4.0]]])
    arguments = {"prompt_tokens": [10.0], "decoded_tokens": [[7.0, 8.0]], "widths": [2]}
    plain, charged = (
        cell_cost(model, shape, verdicts=verdicts, **arguments)
        for verdicts in (None, Verdicts(VERIFIER, read, written))
    )
    expected = sum(float(model.prefill(VERIFIER, np.array(tokens))) for tokens in (30.0, 40.0))
    for context, tokens in ((30.0, 5.0), (30.0, 9.0), (40.0, 4.0)):
        expected += float(model.decode(VERIFIER, np.array(context), np.array(tokens)))
    np.testing.assert_allclose(charged - plain, [[expected]])
