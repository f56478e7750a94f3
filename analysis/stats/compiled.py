"""Loops as machine code, kept beside their source or at home;
where neither may be written, each command makes it.
"""

import contextlib
from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Result = TypeVar("Result")


def compiled(function: Callable[..., Result]) -> Callable[..., Result]:
    """The function as machine code that lets other threads run meanwhile. No arrays. Source: numba."""
    made = njit(nogil=True)(function)
    # Of a checkout that another user owns, without a home folder of one's own.
    with contextlib.suppress(RuntimeError):
        made.enable_caching()
    return cast(Callable[..., Result], made)
