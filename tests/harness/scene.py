"""What lies about for a hostile answer to reach, who else could grade it, and what it could leave behind."""

import contextlib
import os
import pickle
import socket
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from harness.fence.gaps import find_fence
from harness.fence.heritage import NUM_FILES
from tests.harness.escapes import Place

SECRET = "the-word-that-nobody-may-read"
SOMEBODY = 54321
USERS = ("as it is", "somebody")
HOMES = (Path.cwd(), Path(tempfile.gettempdir()), Path.home(), Path("/dev/shm"))
needs_fence = pytest.mark.skipif(bool(find_fence().gaps), reason=str(find_fence()))


class Scene(NamedTuple):
    place: Place
    listeners: tuple[socket.socket, ...]

    def num_callers(self) -> int:
        """How many connections have come."""
        num = 0
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    num += 1
        return num

    def traces(self) -> list[str]:
        """Everything outside that an escape could have left, and that others left."""
        place = self.place
        secret = os.stat(place.secret) if os.path.exists(place.secret) else None
        return [
            *sorted(os.listdir(place.folder)),
            f"secret {secret and (secret.st_mode, secret.st_mtime_ns, secret.st_size, secret.st_nlink)}",
            f"inherited {os.fstat(place.inherited).st_size}",
            *(str(path) for home in HOMES for path in home.glob("escaped-*")),
            f"{self.num_callers()} callers",
        ]


@contextlib.contextmanager
def open_scene(tmp_path: Path) -> Iterator[Scene]:
    """A folder that anyone may write, a secret, two listeners and more open files than a process may have."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    folder, secret = tmp_path / "folder", tmp_path / "secret"
    folder.mkdir()
    folder.chmod(0o777)
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        abstract = f"\0isoquant-{os.getpid()}"
        unix.bind(abstract)
        unix.listen()
        listeners = (tcp, unix)
        for listener in listeners:
            listener.setblocking(False)
        # As many files as a large machine's pool holds, so that a worker's own pipe has a high number.
        held = [os.open(tmp_path / "inherited", os.O_RDWR | os.O_CREAT) for _ in range(2 * NUM_FILES)]
        yield Scene(Place(str(folder), str(secret), tcp.getsockname()[1], abstract, held[0]), listeners)
        for inherited in held:
            os.close(inherited)


def as_user(user: str, work: Callable[[], Any]) -> Any:
    """What comes of the work, as this user or as one who is neither root nor the owner of anything here."""
    if user == "as it is":
        return work()
    if os.geteuid() != 0:
        pytest.skip("Only root can be somebody else.")
    reads, writes = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
            os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
            find_fence.cache_clear()
            with open(writes, "wb") as told:
                pickle.dump(work(), told)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads, "rb") as told:
        result = pickle.load(told)
    os.waitpid(pid, 0)
    return result


def survivors(since: float) -> list[psutil.Process]:
    """Processes like this one, or what escapes start, that began since then and have no other parent."""
    own = psutil.Process().cmdline()
    return [
        process
        for process in psutil.process_iter(["ppid", "create_time", "cmdline"])
        if process.info["create_time"] > since
        and process.info["ppid"] in (1, os.getpid())
        and process.info["cmdline"] in (own, ["sleep", "20"])
    ]
