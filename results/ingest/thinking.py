"""What a run's options allow of thinking, under the names that servers and harnesses give it."""

from collections.abc import Mapping
from typing import Any

OF_THINKING = ("reasoning_effort", "reasoning_tokens")
# Settings of servers that switch thinking off, by their dotted names below extra_body or model_args, and the
# value.
OFF = {
    "chat_template_kwargs.enable_thinking": False,
    "chat_template_kwargs.thinking": False,
    "enable_thinking": False,
    "thinking.type": "disabled",
    "reasoning.enabled": False,
    "reasoning.effort": "none",
    "think": False,
    "google.thinking_config.thinking_budget": 0,
    "thinking_config.thinking_budget": 0,
    "generation_config.thinking_config.thinking_budget": 0,
}
# The last is of s1's fork of lm-eval.
LIMITS = (
    *("reasoning.max_tokens", "thinking.budget_tokens", "thinking_budget", "thinking_token_budget"),
    "max_tokens_thinking",
)


def thinking(options: Mapping[str, Any]) -> tuple[str | None, int | None, dict[str, Any]]:
    """The effort and the budget of thinking, None where there is no limit, and the other options.

    Thinking that was switched off is a budget of 0, whatever the name of the switch. Values may be text, as
    arguments of a command line are.
    """
    effort, budget = (options.get(name) for name in OF_THINKING)
    rest = {name: value for name, value in options.items() if name not in OF_THINKING}
    for name in list(rest):
        bare = name.removeprefix("extra_body.")
        is_limit = bare in LIMITS and str(rest[name]).isdecimal()
        if bare in OFF and str(rest[name]) == str(OFF[bare]):
            budget = 0
        elif is_limit and budget is None:
            budget = int(rest[name])
        if bare in OFF or is_limit:
            del rest[name]
    if effort == "none" or budget == 0:
        return None, 0, rest
    return effort, budget, rest
