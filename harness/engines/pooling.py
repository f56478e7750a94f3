"""vLLM's pooling runner: token ids in, what a head makes of them out. Raw,
since a sigmoid over a reward hides it.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from harness.engines.serving import Serving

# No model computes in wider numbers, and sums of these are finite. Scores of steps are stored in as many bytes.
LARGEST_LABEL = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Head:
    """What stands on a checkpoint's last layer.

    task: `classify` for a row of labels a text, `token_classify` for one a token. num_labels: in each row.
    of_tokens: of a causal model, the tokens of its vocabulary whose next-token logits are the labels; none where
    the checkpoint has a head. architecture: as what a causal model is loaded then.
    """

    task: Literal["classify", "token_classify"]
    num_labels: int
    of_tokens: tuple[str, ...] = ()
    architecture: str = ""

    @property
    def arguments(self) -> dict[str, Any]:
        """vLLM's arguments for it."""
        # One that pools steps by itself returns those of a tag that vLLM chose; all tokens hold any tag's. Its
        # returned_token_ids pick numbers of the last layer there, not logits, so that a causal model needs a head.
        pooler = {"tok_pooling_type": "ALL"} if self.task == "token_classify" else {}
        made = {
            "architectures": [self.architecture],
            "classifier_from_token": list(self.of_tokens),
            "method": "no_post_processing",
        }
        return {"pooler_config": pooler or None, "hf_overrides": made if self.of_tokens else {}}

    @property
    def written(self) -> str:
        """The options of `vllm serve` that load it."""
        given = {name.replace("_", "-"): value for name, value in self.arguments.items() if value}
        if "pooler-config" in given:
            # A server serves one task, and a head of labels is by default one for texts.
            given["pooler-config"] |= {"task": self.task}
        return " ".join(
            ["--runner pooling", *(f"--{name} '{json.dumps(value)}'" for name, value in given.items())]
        )


class Pooled(NamedTuple):
    """Labels of a text (1, L) or of each of its tokens (T, L), and how many tokens a cache spared."""

    labels: list[list[float]]
    num_cached_tokens: int


class Pooling(Protocol):
    """Reads token ids; raises RequestFailedError for one request, EngineFailedError for all."""

    async def pool(self, token_ids: tuple[int, ...]) -> Pooled: ...


class VllmPooling(Serving):
    """Reads token ids with a running AsyncLLM in its pooling runner."""

    def __init__(self, llm: Any, log: Any, head: Head) -> None:
        super().__init__(llm, log)
        self._head = head

    async def pool(self, token_ids: tuple[int, ...]) -> Pooled:
        from vllm.pooling_params import PoolingParams

        # Its default is a sigmoid or a softmax.
        params = PoolingParams(task=self._head.task, use_activation=False)
        prompt = {"type": "token", "prompt_token_ids": list(token_ids)}
        with self._telling_failures():
            async for output in self._llm.encode(prompt, params, str(next(self._request_numbers))):
                final = output
        labels = final.outputs.data.float()
        return Pooled(labels.reshape(-1, labels.shape[-1]).tolist(), final.num_cached_tokens or 0)
