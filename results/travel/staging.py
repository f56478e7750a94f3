"""A file or folder that is made beside its place and gets its name once it is whole. Knows nothing of runs.

What a kill leaves is hidden, and removed when the same file or folder is made the next time.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from results.store import BusyError
from results.whole import flush_folder


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """An empty folder that becomes `target` when the block ends, and is removed where it fails.

    Raises ValueError where something lies at `target` already, BusyError where another process is making it.
    """
    _check_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = _beside(target)
    descriptor = _hold(stage, target)
    try:
        for left in stage.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        yield stage
        for folder in (*(path for path in stage.iterdir() if path.is_dir()), stage):
            flush_folder(folder)
        _check_free(target)
        stage.rename(target)
        flush_folder(target.parent)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def staged_file(target: Path) -> Iterator[BinaryIO]:
    """An empty file, written and read, that takes the place of `target` when the block ends.

    Raises BusyError where another process is making it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = _beside(target)
    descriptor = _hold(stage, target, is_folder=False)
    with os.fdopen(descriptor, "w+b") as file:
        try:
            file.truncate(0)
            yield file
            file.flush()
            os.fsync(descriptor)
            stage.replace(target)
            flush_folder(target.parent)
        except BaseException:
            stage.unlink(missing_ok=True)
            raise


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _check_free(target: Path) -> None:
    is_empty = target.is_dir() and not target.is_symlink() and not any(target.iterdir())
    if not is_empty and (target.exists() or target.is_symlink()):
        raise ValueError(f"{target} already exists. Choose another name, or move it away.")


def _hold(stage: Path, target: Path, *, is_folder: bool = True) -> int:
    """A descriptor of the staged file or folder, locked for as long as it is open."""
    while True:
        if is_folder:
            stage.mkdir(exist_ok=True)
        flags = os.O_RDONLY | os.O_DIRECTORY if is_folder else os.O_RDWR | os.O_CREAT
        try:
            descriptor = os.open(stage, flags | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who held it may have given it its name since it was opened here.
            if os.path.samestat(os.fstat(descriptor), os.stat(stage, follow_symlinks=False)):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise BusyError(
                f"Another process is writing {target}. Wait until it ends, or choose another name."
            ) from None
        except FileNotFoundError:
            pass
        os.close(descriptor)
