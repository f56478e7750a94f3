"""What an engine's processes print: kept out of sight, and its last error found again."""

import os
import subprocess
import sys
import tempfile

import pydantic
import pytest

from harness.engines.output import divert_output, first_line, last_error, way_on

PRINTS = "import sys; print('noise'); sys.exit('ValueError: no room')"


def test_what_this_process_and_its_children_print_goes_to_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryFile() as log:
        with divert_output(log):
            os.write(1, b"from here")
            subprocess.run([sys.executable, "-c", PRINTS], check=False)
        os.write(1, b"afterwards")
        assert last_error(log) == "ValueError: no room"
        log.seek(0)
        assert b"from here" in log.read()
    assert capfd.readouterr().out == "afterwards"


def test_a_child_that_outlives_the_diversion_goes_on_printing_to_the_log() -> None:
    with tempfile.TemporaryFile() as log:
        with divert_output(log):
            child = subprocess.Popen([sys.executable, "-c", f"input(); {PRINTS}"], stdin=subprocess.PIPE)
        assert last_error(log) is None
        child.communicate(b"\n")
        assert last_error(log) == "ValueError: no room"


@pytest.mark.parametrize(
    ("printed", "error"),
    [
        ("Traceback (most recent call last):\nRuntimeError: first\nValueError: second\n", "ValueError: second"),
        ("torch.OutOfMemoryError: CUDA out of memory.\n", "torch.OutOfMemoryError: CUDA out of memory."),
        (
            "(EngineCore pid=7) ERROR 11-22 07:25:47 [core.py:1510] ValueError: no room\n"
            "RuntimeError: Engine core initialization failed. See root cause above.\n",
            "ValueError: no room",
        ),
        ("no Error: here\n", None),
        ("", None),
    ],
)
def test_the_last_error_that_is_no_pointer_is_found(printed: str, error: str | None) -> None:
    with tempfile.TemporaryFile() as log:
        log.write(printed.encode())
        log.flush()
        assert last_error(log) == error


def test_an_error_is_told_in_a_line() -> None:
    class Range(pydantic.BaseModel):
        high: int

        @pydantic.field_validator("high")
        @classmethod
        def check_high(cls, high: int) -> int:
            raise ValueError(f"{high} is too high")

    with pytest.raises(ValueError) as refused:
        Range(high=3)
    assert first_line(refused.value) == "3 is too high"
    assert first_line(RuntimeError("one\ntwo")) == "one"
    assert first_line(RuntimeError()) == "RuntimeError"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "RuntimeError: gloo/transport/tcp/device.cc:84: ifa != nullptr",
            "no network interface is up",
        ),
        ("RuntimeError: can't start new thread", "no more processes or threads can be started"),
        ("OSError: [Errno 12] Cannot allocate memory", "memory ran out"),
        ("OSError: [Errno 28] No space left on device", "a disk is full"),
        ("ValueError: unknown quantization", None),
    ],
)
def test_what_a_machine_lacks_is_told_with_the_way_on(reason: str, told: str | None) -> None:
    found = way_on(reason)
    assert found is None if told is None else found is not None and found.startswith(told)
