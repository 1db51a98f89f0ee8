"""Freed memory goes back to the system."""

import subprocess
import sys
import threading

import pytest

from service.runtime import native_memory

needs_glibc = pytest.mark.skipif(
    native_memory.free_bytes() is None, reason="the C library is not glibc of 2.33 or later"
)
PIECES = """
import sys
from service.runtime.native_memory import free_bytes, return_free_memory
pieces = [bytes(2**16) for _ in range(4000)]
del pieces[:-1]  # what is left keeps the allocator from shrinking its heap by itself
before = free_bytes()
print(before > 2**27, return_free_memory())
resident = int(next(line for line in open("/proc/self/status") if "VmRSS" in line).split()[1])
print(resident < 2**17)
"""


@needs_glibc
def test_what_was_freed_goes_back() -> None:
    command = [sys.executable, "-c", PIECES]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert output == ["True"] * 3


@needs_glibc
def test_all_threads_share_a_few_arenas() -> None:
    code = "from service.runtime.native_memory import limit_arenas; print(limit_arenas())"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output == "True\n"


def test_it_is_looked_after_until_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, calls = threading.Event(), []

    def look() -> bool:
        calls.append(1)
        if len(calls) == 3:
            stop.set()
        return True

    monkeypatch.setattr(native_memory, "CHECK_SECONDS", 0.001)
    monkeypatch.setattr(native_memory, "return_free_memory", look)
    native_memory.keep_small(stop)
    assert len(calls) == 3


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.runtime.native_memory.ctypes.CDLL", lambda name: object())
    assert native_memory.free_bytes() is None
    assert not native_memory.limit_arenas()
    assert not native_memory.return_free_memory()
