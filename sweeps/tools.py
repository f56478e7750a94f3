"""The tools of a job: what the model is told of them, what they are stored under, and what may not go together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.rendering import Renderer
from harness.tools.calls import CallStyle, describe_tools
from harness.tools.protocol import ToolSettings
from harness.types import Grid, Prompt

if TYPE_CHECKING:
    from sweeps.job import Job

# Where a run keeps what its tools are built from documents.
FOLDER = "tools"


class Toolbox(NamedTuple):
    """Tools with what the task brings for them, and how they are called."""

    tools: Mapping[str, ToolSettings]
    style: CallStyle

    @property
    def identity(self) -> dict[str, Any]:
        """What shapes what a model writes and reads with them."""
        return {
            "style": dict(self.style.identity),
            "tools": {name: dict(tool.identity) for name, tool in self.tools.items()},
        }

    @property
    def described(self) -> list[dict[str, Any]]:
        """What a chat template is told of them; nothing where calls are plain text,
        which the task's prompts tell.
        """
        return describe_tools(list(self.tools.values())) if self.style.form == "json" else []

    def check_told(self, renderer: Renderer, prompt: Prompt) -> None:
        """Raise ValueError where a model that is to hear of its tools through its chat template hears of none."""
        if not renderer.tools or renderer.prompt_ids(prompt) != replace(renderer, tools=()).prompt_ids(prompt):
            return
        names, is_plain = ", ".join(self.tools), not renderer.thinking.chat
        why = "thinking.chat is false" if is_plain else "the model's chat template has no place for tools"
        raise ValueError(
            f"The model would not hear of tools={names}: {why}. Calls in JSON are for models that are told of "
            "their tools there; choose such a model, or a plain way to write calls, such as calls=search_r1, with "
            "a task whose prompts tell how to call."
        )

    def check_written(self, renderer: Renderer) -> None:
        """Raise ValueError where the tokenizer lacks a character of what stands around a call or its result."""
        tokenizer = renderer.tokenizer
        for text in (self.style.open, self.style.close, self.style.before, self.style.after):
            for stand_in in {tokenizer.unk_token_id, *renderer.eos_ids} & set(renderer.encode_behind(text)):
                if tokenizer.convert_ids_to_tokens(stand_in) not in text:
                    raise ValueError(
                        f"The model's tokenizer has no tokens for {text!r} of this way to write calls; choose "
                        "another with calls=NAME."
                    )

    def most_observed(self, renderer: Renderer) -> int:
        """The most tokens that one call puts behind itself."""
        around = sum(len(renderer.encode_behind(text)) for text in (self.style.before, self.style.after))
        # Tokens of the two ends may join with those of the text, which makes fewer, and never more than all of
        # them.
        return max(tool.max_tokens for tool in self.tools.values()) + around


def equip(job: "Job") -> Toolbox | None:
    """The tools of a job, None of one without; raises ValueError with the way on."""
    if not job.tools:
        _refuse_calls(job.grid)
        return None
    names = ", ".join(job.tools)
    if job.calls is None:
        raise ValueError(
            f"tools={names} needs calls=NAME, how a model writes a call: calls=qwen3 or calls=search_r1."
        )
    if job.strategy is not None:
        raise ValueError(f"A search against a verifier calls no tools; leave out tools={names}.")
    if job.calls.tool is not None and job.calls.tool not in job.tools:
        raise ValueError(
            f"This way of writing calls has no name in it and goes to {job.calls.tool}; add it to tools, which "
            f"has {names}, or give another calls.tool."
        )
    return Toolbox({name: tool.attach(job.task) for name, tool in job.tools.items()}, job.calls)


def _refuse_calls(grid: Grid) -> None:
    if any(grid.calls):
        raise ValueError(
            "grid.calls counts calls of tools, and there are none; give tools=search or tools=calculator."
        )
