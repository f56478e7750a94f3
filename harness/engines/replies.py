"""What a server answers, read by what was asked: nothing that it says is believed without a look.

Knows the fields of OpenAI's answers and vLLM's token ids, no connection.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.certainty import NUM_LIKELIEST, Certainty, confidence
from harness.engines.pooling import LARGEST_LABEL, Head, Pooled
from harness.types import Completion, EngineFailedError, Request, RequestFailedError

LONGEST_REASON = 300
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Number = Annotated[int, Field(ge=0)]
# Rounding may lift one above 0.
Logprob = Annotated[float, Field(le=1e-3, allow_inf_nan=False)]
Label = Annotated[float, Field(ge=-LARGEST_LABEL, le=LARGEST_LABEL, allow_inf_nan=False)]
Row = Annotated[list[Label], Field(min_length=1)]


class Part(BaseModel):
    """A part of an answer: values of other types are refused, fields that nothing reads are left out."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class CachedTokens(Part):
    cached_tokens: Number | None = None


class Usage(Part):
    prompt_tokens: Number | None = None
    completion_tokens: Number | None = None
    prompt_tokens_details: CachedTokens | None = None


class Logprobs(Part):
    """Of each token that was drawn, and of the likeliest in its place by their names."""

    token_logprobs: list[Logprob] | None = None
    top_logprobs: list[Annotated[dict[str, Logprob], Field(min_length=1)]] | None = None


class Choice(Part):
    finish_reason: str | None
    # Read only where they were asked for: other servers send what they like.
    logprobs: Any = None
    token_ids: list[TokenId] | None = None
    prompt_token_ids: list[int] | None = None


class Reply(Part):
    choices: Annotated[list[Choice], Field(min_length=1, max_length=1)]
    usage: Usage | None = None
    model: str | None = None


class Labels(Part):
    """Of a text by /classify, or of a text or its tokens by /pooling."""

    probs: Row | None = None
    data: list[Row] | Row | None = None


class Rows(Part):
    data: Annotated[list[Labels], Field(min_length=1, max_length=1)]
    usage: Usage | None = None
    model: str | None = None


class Refused(Part):
    message: str


class Refusal(Part):
    error: Refused | str


class Served(Part):
    id: str
    max_model_len: int | None = None
    root: str | None = None


class Models(Part):
    data: list[Served]


Kind = TypeVar("Kind", bound=Part)


def read_models(content: bytes) -> dict[str, Served]:
    """The models that a server lists, by name; raises ValueError for any other answer."""
    return {model.id: model for model in _read(Models, content).data}


def read_completion(content: bytes, request: Request, *, names: Sequence[str], seconds: float) -> Completion:
    """The completion in the answer of a model that goes by these `names`, of which the first was asked.

    Raises ValueError where it is none, EngineFailedError where it is not one of this request, RequestFailedError
    where the server gave it up.
    """
    reply = _read(Reply, content)
    choice, usage = reply.choices[0], reply.usage or Usage()
    _check_name(reply.model, names)
    token_ids = choice.token_ids
    if token_ids is None:
        raise EngineFailedError(
            "The server returns no token ids, and isoquant needs them to cut and count. Use a server with "
            "return_token_ids, such as vLLM 0.10.2 or later."
        )
    _check_usage(usage, len(request.prompt_ids))
    if choice.prompt_token_ids is not None and tuple(choice.prompt_token_ids) != request.prompt_ids:
        raise EngineFailedError("The server did not use the token ids that it was sent as the prompt.")
    reason = choice.finish_reason
    if reason not in ("stop", "length"):
        raise RequestFailedError(f"The server ended a request with {clip(str(reason))!r}.")
    ended: Literal["stop", "length"] = "stop" if reason == "stop" else "length"
    _check_end(token_ids, ended, request)
    if usage.completion_tokens not in (None, len(token_ids)):
        raise EngineFailedError(
            f"The server counts {usage.completion_tokens:,} tokens and returns {len(token_ids):,}."
        )
    cached = (usage.prompt_tokens_details or CachedTokens()).cached_tokens
    certainty = _read_certainty(choice.logprobs, len(token_ids)) if request.sampling.logprobs else None
    return Completion(tuple(token_ids), ended, cached, seconds, certainty)


def _read_certainty(given: Any, num_tokens: int) -> Certainty:
    """Raise EngineFailedError where there are not as many log-probabilities as tokens, or they are none."""
    try:
        told = Logprobs() if given is None else Logprobs.model_validate(given)
    except ValidationError as error:
        raise EngineFailedError(f"The server's log-probabilities cannot be read: {_first(error)}.") from None
    drawn, likeliest = told.token_logprobs, told.top_logprobs
    if drawn is None or likeliest is None or not len(drawn) == len(likeliest) == num_tokens:
        raise EngineFailedError(
            f"The server returned no log-probabilities for its {num_tokens:,} tokens. Use a server that gives "
            f"logprobs={NUM_LIKELIEST}, such as vLLM's, or set sampling.logprobs=false."
        )
    return Certainty(tuple(drawn), tuple(confidence(list(each.values())) for each in likeliest))


def read_pooled(content: bytes, token_ids: Sequence[int], head: Head, *, names: Sequence[str]) -> Pooled:
    """The labels in the answer of a model that goes by these `names`.

    Raises ValueError where it is none, EngineFailedError where it is not one of these token ids and this head.
    """
    reply = _read(Rows, content)
    usage, labels = reply.usage or Usage(), reply.data[0]
    _check_name(reply.model, names)
    _check_usage(usage, len(token_ids))
    found = labels.probs if labels.probs is not None else labels.data
    if not found:
        raise ValueError("data.0 holds no labels.")
    rows = [found] if isinstance(found[0], float) else found
    wanted = 1 if head.task == "classify" else len(token_ids)
    if len(rows) != wanted:
        raise EngineFailedError(
            f"The server returned {len(rows):,} rows of labels where {wanted:,} were due. Start it with "
            f"{head.written}."
        )
    if (widths := {len(row) for row in rows}) != {head.num_labels}:
        raise EngineFailedError(
            f"The server returned rows of {', '.join(map(str, sorted(widths)))} labels where {head.num_labels:,} "
            f"were due. Start it with this checkpoint and {head.written}."
        )
    cached = (usage.prompt_tokens_details or CachedTokens()).cached_tokens
    return Pooled(rows, cached or 0)


def _check_name(told: str | None, names: Sequence[str]) -> None:
    if told is not None and told not in names:
        raise EngineFailedError(f"The server answered as {clip(told)!r}, but {names[0]!r} was requested.")


def _check_usage(usage: Usage, asked: int) -> None:
    """Raise EngineFailedError where the server read another prompt than the one that was sent."""
    if usage.prompt_tokens not in (None, asked):
        raise EngineFailedError(
            f"The server read {usage.prompt_tokens} tokens from a prompt of {asked} token ids."
        )
    cached = (usage.prompt_tokens_details or CachedTokens()).cached_tokens
    if cached is not None and cached > asked:
        raise EngineFailedError(f"The server found {cached} tokens of a prompt of {asked} in its cache.")


def _check_end(token_ids: list[int], reason: Literal["stop", "length"], request: Request) -> None:
    """Raise EngineFailedError where the tokens do not end as they were told to.

    Whether they hold a string to stop at is seen where they are read: the text that a server adds may say
    anything.
    """
    if not token_ids or (reason == "stop" and not request.stop and token_ids[-1] not in request.stop_ids):
        raise EngineFailedError(
            "The server stopped a completion without a requested stop string. Start it without its own stop "
            "strings."
        )
    if len(token_ids) > request.max_tokens:
        raise EngineFailedError(
            f"The server wrote {len(token_ids):,} tokens, more than the limit of {request.max_tokens:,}."
        )
    if reason == "length" and len(token_ids) < request.max_tokens:
        raise EngineFailedError(
            f"The server stopped after {len(token_ids):,} of {request.max_tokens:,} tokens and says that this is "
            "the limit. Start it with a longer context."
        )
    if any(token_id in request.stop_ids for token_id in token_ids[:-1]):
        raise EngineFailedError("The server continued after a token at which it had to stop.")


def _read(kind: type[Kind], content: bytes) -> Kind:
    """An answer as `kind`; raises ValueError, with what is wrong with it in one line."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        if told := _read_refusal(content):
            raise ValueError(f"an error, {clip(told)!r}.") from None
        raise ValueError(f"{_first(error)}.") from None


def _first(error: ValidationError) -> str:
    """What is wrong first, where, and with what."""
    first = error.errors(include_url=False)[0]
    place, reason = ".".join(map(str, first["loc"])), clip(first["msg"])
    return f"{place}: {reason}; got {clip(repr(first['input']))}" if place else reason


def _read_refusal(content: bytes) -> str | None:
    """What an error object says; None in any other answer."""
    try:
        error = Refusal.model_validate_json(content).error
    except ValidationError:
        return None
    return error if isinstance(error, str) else error.message


def clip(text: str) -> str:
    """A text of a server's in one line that a terminal can show."""
    line = " ".join(text.split())
    shown = "".join(letter if letter.isprintable() else "?" for letter in line[:LONGEST_REASON])
    return shown if len(line) <= LONGEST_REASON else f"{shown} ..."
