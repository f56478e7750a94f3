"""Every table, its columns and the key that makes a row unique.
The data dictionary is README.md beside this file.
"""

from dataclasses import dataclass

import pyarrow as pa

Text = pa.string()
Category = pa.dictionary(pa.int32(), pa.string())
Count = pa.int32()
# The budget of a cell whose thinking had no limit, as that of outcomes from elsewhere often has not.
UNLIMITED = 2**31 - 1
# What can become of an answer.
OUTCOMES = ("correct", "wrong", "unparsed", "unanswered", "truncated", "timeout", "refused")


@dataclass(frozen=True)
class Table:
    """A table's name, its arrow schema and the columns that make a row unique.

    filled: columns beside the key without which a row would count for something it is not. parallel: columns of
    lists that are as long as each other in each row that has them. younger: columns that shards of earlier
    versions may lack; they are null in their rows.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    filled: tuple[str, ...] = ()
    parallel: tuple[tuple[str, ...], ...] = ()
    younger: tuple[str, ...] = ()


# What costs depend on: a model's counts and shapes.
_SHAPE_COLUMNS = [
    ("num_params", pa.int64()),
    ("num_active_params", pa.int64()),
    ("num_non_embedding_params", pa.int64()),
    ("num_matmul_params", pa.int64()),
    ("quantized_bytes", pa.int64()),
    ("num_experts", Count),
    ("num_experts_per_token", Count),
    ("num_layers", Count),
    ("num_linear_layers", Count),
    ("num_window_layers", Count),
    ("window", Count),
    ("hidden_size", Count),
    ("num_heads", Count),
    ("num_kv_heads", Count),
    ("head_dim", Count),
    ("value_head_dim", Count),
    ("cached_width", Count),
]

PROMPTS = Table(
    "prompts",
    pa.schema(
        [
            ("task", Category),
            ("prompt_id", Text),
            ("prompt_hash", Text),
            ("text", Text),
            ("dials", Text),
            ("gold_ids", pa.list_(Text)),
        ]
    ),
    key=("task", "prompt_id"),
    younger=("gold_ids",),
)

MODELS = Table(
    "models",
    pa.schema(
        [
            ("identity", Text),
            ("model", Text),
            ("task", Text),
            ("path", Text),
            ("revision", Text),
            ("weights_digest", Text),
            ("dtype", Text),
            ("quantization", Text),
            *_SHAPE_COLUMNS,
            ("pretraining_tokens", pa.int64()),
            ("pretraining_source", Text),
            ("identity_parts", Text),
            ("cost_multiplier", pa.float64()),
        ]
    ),
    key=("identity",),
    filled=("model", "task"),
    younger=(
        *(
            "num_active_params",
            "num_non_embedding_params",
            "quantized_bytes",
            "num_experts",
            "num_experts_per_token",
        ),
        *(
            "num_linear_layers",
            "num_window_layers",
            "window",
            "value_head_dim",
            "cached_width",
            "pretraining_source",
            "cost_multiplier",
        ),
    ),
)

CELLS = Table(
    "cells",
    pa.schema(
        [
            ("identity", Category),
            ("pool", Category),
            ("budget", Count),
            ("extensions", Count),
            ("calls", Count),
            ("num_samples", Count),
            ("num_prompts", Count),
        ]
    ),
    key=("identity", "pool", "budget", "extensions", "calls", "num_samples", "num_prompts"),
    younger=("extensions", "calls"),
)

SAMPLE_KEY = ("identity", "prompt_id", "pool", "sample")
_SAMPLE_COLUMNS = [("identity", Category), ("prompt_id", Category), ("pool", Category), ("sample", Count)]
_REQUEST_COLUMNS = [
    ("num_prompt_tokens", Count),
    ("num_cached_tokens", Count),
    ("finish_reason", Category),
    ("seed", pa.int64()),
    ("seconds", pa.float32()),
    ("text", Text),
]

# How sure the model was of each token, where the sweep asked.
_CERTAINTY_COLUMNS = [("logprobs", pa.list_(pa.float16())), ("confidences", pa.list_(pa.float16()))]
CERTAINTY = tuple(name for name, _ in _CERTAINTY_COLUMNS)

# Where a call of a tool begins in a trace; and of a segment that ends with one that was carried out, the call, and
# what it put behind the segment.
_CALL_COLUMNS = [
    ("opened", Count),
    ("opened_by", Count),
    ("tool", Category),
    ("query", Text),
    ("result_ids", pa.list_(Text)),
    ("tool_seconds", pa.float32()),
    ("trouble", Category),
    ("observed_ids", pa.list_(pa.int32())),
]

TRACES = Table(
    "traces",
    pa.schema(
        [
            *_SAMPLE_COLUMNS,
            ("start_token", Count),
            ("num_thinking_tokens", Count),
            ("ended", pa.bool_()),
            *_REQUEST_COLUMNS,
            ("token_ids", pa.list_(pa.int32())),
            *_CERTAINTY_COLUMNS,
            ("extend_ids", pa.list_(pa.int32())),
            *_CALL_COLUMNS,
        ]
    ),
    key=(*SAMPLE_KEY, "start_token"),
    filled=("num_thinking_tokens", "ended"),
    younger=(*CERTAINTY, "extend_ids", *(name for name, _ in _CALL_COLUMNS)),
)

ANSWERS = Table(
    "answers",
    pa.schema(
        [
            *_SAMPLE_COLUMNS,
            ("budget", Count),
            ("num_thinking_tokens", Count),
            ("num_answer_tokens", Count),
            ("forced", pa.bool_()),
            *_REQUEST_COLUMNS,
            ("usd", pa.float64()),
            *_CERTAINTY_COLUMNS,
            ("extension", Count),
            ("num_given_tokens", Count),
        ]
    ),
    key=(*SAMPLE_KEY, "budget"),
    filled=("num_thinking_tokens", "forced"),
    younger=("usd", *CERTAINTY, "extension", "num_given_tokens"),
)

GRADES = Table(
    "grades",
    pa.schema(
        [
            *_SAMPLE_COLUMNS,
            ("budget", Count),
            ("grader", Category),
            ("grader_version", Category),
            ("extracted", Text),
            ("vote_key", Text),
            ("correct", pa.bool_()),
            ("score", pa.float32()),
            ("outcome", Category),
        ]
    ),
    key=(*SAMPLE_KEY, "budget", "grader", "grader_version"),
    filled=("correct", "outcome"),
)

# What reads answers and scores them. kind: outcome (a number an answer), process (a number a step too), generative
# (sampled verdicts), generator (what the model itself knew) or outside (scores that came with their outcomes).
SCORERS = Table(
    "scorers",
    pa.schema(
        [
            ("scorer", Text),
            ("scorer_version", Text),
            ("kind", Text),
            ("path", Text),
            ("revision", Text),
            ("weights_digest", Text),
            ("dtype", Text),
            ("quantization", Text),
            *_SHAPE_COLUMNS,
            ("scorer_parts", Text),
        ]
    ),
    key=("scorer", "scorer_version"),
    filled=("kind",),
)

# verdict: 0, and of a generative scorer the number of the verdict. score: raw, null where the answer was refused,
# which `refusal` explains; step_ends: where each step ends, in tokens that the scorer read.
SCORES = Table(
    "scores",
    pa.schema(
        [
            *_SAMPLE_COLUMNS,
            ("budget", Count),
            ("scorer", Category),
            ("scorer_version", Category),
            ("verdict", Count),
            ("score", pa.float64()),
            ("step_scores", pa.list_(pa.float32())),
            ("step_ends", pa.list_(pa.int32())),
            ("num_read_tokens", Count),
            ("num_written_tokens", Count),
            ("seconds", pa.float32()),
            ("text", Text),
            ("refusal", Text),
        ]
    ),
    key=(*SAMPLE_KEY, "budget", "scorer", "scorer_version", "verdict"),
    parallel=(("step_scores", "step_ends"),),
)

# What a path of a search against a verifier cost, ways on that were dropped included, and the score that it got
# with its answer. The lists hold one entry for each way on, and for each text that the verifier read.
SEARCHES = Table(
    "searches",
    pa.schema(
        [
            *_SAMPLE_COLUMNS,
            ("budget", Count),
            ("scorer", Category),
            ("scorer_version", Category),
            ("num_steps", Count),
            ("num_expansions", Count),
            ("num_written_tokens", Count),
            ("num_read_tokens", Count),
            ("expansion_steps", pa.list_(pa.int32())),
            ("expansion_starts", pa.list_(pa.int32())),
            ("expansion_tokens", pa.list_(pa.int32())),
            ("reading_tokens", pa.list_(pa.int32())),
            ("score", pa.float64()),
            ("step_scores", pa.list_(pa.float32())),
            ("refusal", Text),
            ("seconds", pa.float32()),
        ]
    ),
    key=SAMPLE_KEY,
    filled=(
        *("scorer", "scorer_version", "num_steps", "num_expansions", "num_written_tokens", "num_read_tokens"),
        *("expansion_steps", "expansion_starts", "expansion_tokens", "reading_tokens"),
    ),
    parallel=(("expansion_steps", "expansion_starts", "expansion_tokens"),),
)

# How samples work on a prompt together, round by round: what the version is the hash of.
STRATEGIES = Table(
    "strategies",
    pa.schema([("strategy", Text), ("strategy_version", Text), ("strategy_parts", Text)]),
    key=("strategy", "strategy_version"),
    filled=("strategy_parts",),
)

# Outcomes that came as success counts; budget: null where thinking had no limit.
COUNTS = Table(
    "counts",
    pa.schema(
        [
            ("identity", Category),
            ("prompt_id", Category),
            ("budget", Count),
            ("num_samples", Count),
            ("num_correct", Count),
            ("mean_prompt_tokens", pa.float64()),
            ("mean_thinking_tokens", pa.float64()),
            ("mean_decoded_tokens", pa.float64()),
            ("mean_usd", pa.float64()),
        ]
    ),
    key=("identity", "prompt_id", "budget"),
    filled=("num_samples", "num_correct"),
)

# What a text embedder makes of a prompt. flops: of embedding it, null where they are not known.
EMBEDDINGS = Table(
    "embeddings",
    pa.schema(
        [
            ("task", Category),
            ("prompt_id", Text),
            ("embedder", Category),
            ("version", Category),
            ("flops", pa.float64()),
            ("vector", pa.list_(pa.float32())),
        ]
    ),
    key=("task", "prompt_id", "embedder", "version"),
    filled=("vector",),
)

# What a sweep with a goal decided after each round, and why: what was known then, and how far each model is drawn
# next.
DECISIONS = Table(
    "decisions",
    pa.schema(
        [
            ("goal", Text),
            ("round", Count),
            ("time", Text),
            ("asked", Text),
            ("words", Text),
            ("known", Text),
            ("targets", Text),
            ("num_tokens", pa.int64()),
            ("device_seconds", pa.float64()),
            ("usd", pa.float64()),
            ("expected_tokens", pa.float64()),
            ("worst", Text),
            ("ratio", pa.float64()),
            ("expected_ratio", pa.float64()),
            ("end", Text),
        ]
    ),
    key=("goal", "round"),
    filled=("asked", "known", "targets", "num_tokens", "device_seconds", "usd"),
)

FAILURES = Table(
    "failures",
    pa.schema([*_SAMPLE_COLUMNS, ("time", Text), ("error", Text)]),
    key=(*SAMPLE_KEY, "time"),
)

THROUGHPUT = Table(
    "throughput",
    pa.schema(
        [
            ("identity", Category),
            ("job", Category),
            ("elapsed_seconds", pa.float64()),
            ("seconds", pa.float64()),
            ("num_samples", Count),
            ("num_tokens", pa.int64()),
            ("device", Category),
            ("num_devices", Count),
            ("samples_in_flight", Count),
        ]
    ),
    key=("identity", "job", "elapsed_seconds"),
    filled=("seconds", "num_tokens"),
    younger=("device", "num_devices", "samples_in_flight"),
)

TABLES = {
    table.name: table
    for table in (
        *(PROMPTS, MODELS, CELLS, TRACES, ANSWERS, SEARCHES, GRADES, SCORERS, SCORES),
        *(STRATEGIES, COUNTS, EMBEDDINGS, DECISIONS, FAILURES, THROUGHPUT),
    )
}
