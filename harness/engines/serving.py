"""A running vLLM, whatever it serves: its requests by number, its errors as ours, its end."""

import contextlib
import gc
import itertools
from collections.abc import Iterator
from typing import IO, Any

from harness.engines.output import first_line, last_error
from harness.types import EngineFailedError, RequestFailedError

KILLED = "Its process ended without an error message; it was probably killed because memory ran out."


class Serving:
    """Holds a running AsyncLLM; `log` is what its processes print, None where that is shown."""

    def __init__(self, llm: Any, log: IO[bytes] | None) -> None:
        self._llm, self._log = llm, log
        self._request_numbers = itertools.count()

    def shutdown(self) -> None:
        self._llm.shutdown()
        # Its finaliser fails noisily when it is left to the interpreter's exit.
        del self._llm
        gc.collect()

    @contextlib.contextmanager
    def _telling_failures(self) -> Iterator[None]:
        """Raise EngineFailedError where the engine is gone, RequestFailedError where it refuses one request."""
        from vllm.exceptions import VLLMValidationError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            yield
        except EngineDeadError as error:
            reason = (last_error(self._log) or KILLED) if self._log else first_line(error)
            raise EngineFailedError(f"vLLM stopped: {reason}") from error
        except (EngineGenerateError, VLLMValidationError, ValueError) as error:
            raise RequestFailedError(f"vLLM refused a request: {first_line(error.__cause__ or error)}") from error
