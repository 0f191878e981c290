"""Runs a function in a child process with limits on memory and time: a bad file can end the child, but not our process.

A small server process loads the heavy libraries and forks one child per call. It starts at the first call and ends with
its owner. `multiprocessing` does not fit: its daemonic workers may not have children. A forked Airflow task would inherit
a server that is not its own. And each child would import the caller's `__main__` again.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import os
import pickle
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, TypeVar

from low_income.model import MonitorError
from low_income.settings.home import keep_to_owner

R = TypeVar("R")
Reason = Literal["memory", "time", "crash"]

PRELOAD = (
    "pyarrow.csv",
    "pyarrow.compute",
    "pyarrow.parquet",
    "python_calamine",
    "low_income.reading.layout",
    "low_income.returns",
)
WARM = ("low_income.settings.contracts", "load")
"""(module, function) called once in the server, so that every child has its cached result. If it fails, a child's call says why."""

WALL_PER_CPU_SECOND = 3
"""CPU time is the real limit, since a busy machine needs more clock time; the clock only ends a child that hangs."""

_KEPT_MEMORY = ":".join(
    (
        "glibc.malloc.hugetlb=1",
        f"glibc.malloc.trim_threshold={256 << 20}",
        f"glibc.malloc.mmap_threshold={32 << 20}",
    )
)
"""Freed memory stays with the child, in large pages: mapping it anew and filling it page by page is a fifth of reading.

Other C libraries do not know these words and pass over them."""

_ENVIRONMENT = {"PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"}
_HEAD = struct.Struct(">cQ")


class Killed(Exception):
    """The child gave no result. The error contains no value of the file that was read."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        """`memory`, `time`: a limit was reached; `crash`: the process or the function failed."""
        self.detail = detail
        """Name of the exception and its place in our code, or the signal."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


def call(function: Callable[..., R], *args: object, memory_mb: int, seconds: int) -> R:
    """The result of `function(*args)`, run in a child process that finds the function by module and name.

    The child may map `memory_mb` MiB more than at its start, use `seconds` of CPU time, and run three times as long
    by the clock. Arguments and result are pickled. Raises Killed, or the MonitorError that the function raised.
    """
    request = pickle.dumps((function, args, memory_mb, seconds))
    for attempt in (1, 2):
        with _Server.current().connect() as connection:
            answer = _exchange(connection, request)
        if answer is not None:
            break
        _Server.forget()
        if attempt == 2:
            raise Killed("crash", "server")
    kind, body = answer  # type: ignore[misc]  # the loop ends with an answer or an error
    content = pickle.loads(body)  # noqa: S301 - from our own child
    if kind == b"K":
        raise Killed(*content)
    if kind == b"E":
        raise content
    result: R = content
    return result


def close() -> None:
    """End the server, if there is one, and wait for it; the next call starts a new one."""
    _Server.forget()


def _exchange(connection: socket.socket, request: bytes) -> tuple[bytes, bytes] | None:
    """Send a request; gives the child's answer, else how it ended, else None when the server is gone."""
    said: tuple[bytes, bytes] | None = None
    with contextlib.suppress(OSError):  # the child or the server is gone; reading shows which
        _send(connection, b"Q", request)
    while True:
        try:
            frame = _receive(connection)
        except OSError:
            return None
        if frame is None:
            return None
        if frame[0] == b"S":  # the server's message after the child's end is always the last one
            status = pickle.loads(frame[1])  # noqa: S301 - from our own server
            return said if said and status is None else (b"K", pickle.dumps(status or ("crash", "silent")))
        said = frame


def _send(connection: socket.socket, kind: bytes, body: bytes) -> None:
    connection.sendall(_HEAD.pack(kind, len(body)))
    connection.sendall(body)


def _receive(connection: socket.socket) -> tuple[bytes, bytes] | None:
    head = _read(connection, _HEAD.size)
    if head is None:
        return None
    kind, size = _HEAD.unpack(head)
    body = _read(connection, size)
    return None if body is None else (kind, body)


def _read(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


# --- the server, as its owner uses it


class _Server:
    """The server process of this process. A forked copy of this process starts its own."""

    _lock = threading.Lock()
    _current: _Server | None = None

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
        environment |= {
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            # Otherwise both reserve much more address space than they use, and the limit counts address space.
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "MALLOC_ARENA_MAX": "2",
            "GLIBC_TUNABLES": _KEPT_MEMORY,
        }
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and words
                [sys.executable, "-c", "import sys; from low_income.reading.sandbox import serve; serve(int(sys.argv[1]))",
                 str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self.control = ours

    @classmethod
    def current(cls) -> _Server:
        with cls._lock:
            if cls._current is None:
                cls._current = cls()
            return cls._current

    @classmethod
    def forget(cls) -> None:
        """Give up a server that does not answer; the next call starts a new one."""
        with cls._lock:
            server, cls._current = cls._current, None
        if server is not None:
            server.control.close()
            server.process.wait()

    @classmethod
    def forked(cls) -> None:
        """In a forked copy: forget the server of the original, and the lock, which a thread of the original may hold."""
        cls._lock = threading.Lock()
        if cls._current is not None:
            cls._current.control.close()
            cls._current.process.returncode = 0  # not ours to wait for
            cls._current = None

    def connect(self) -> socket.socket:
        """A connection to a new child of the server."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock, contextlib.suppress(OSError):  # reading the connection shows a dead server
            socket.send_fds(self.control, [b"c"], [theirs.fileno()])
        return ours


os.register_at_fork(after_in_child=_Server.forked)


# --- the server, in its own process


@dataclass
class _Child:
    connection: socket.socket
    stderr: IO[bytes]


def serve(control_fd: int) -> None:
    """The server: fork a child for each connection received over `control_fd`, until the owner is gone."""
    keep_to_owner()
    for name in PRELOAD:
        importlib.import_module(name)
    with contextlib.suppress(MonitorError):
        getattr(importlib.import_module(WARM[0]), WARM[1])()
    # Loaded objects are excluded from garbage collection: collecting them in a child would copy shared memory pages.
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=control_fd)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    children: dict[int, _Child] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            _bury(children)
        if control.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                break
            connection, stderr = socket.socket(fileno=descriptors[0]), _in_memory()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (wake_read, wake_write):
                    os.close(descriptor)
                control.close()
                _answer(connection, stderr)  # never returns
            children[pid] = _Child(connection, stderr)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


_STDERR_BYTES = 65536


def _in_memory() -> IO[bytes]:
    """A file in memory for a child's stderr, at most _STDERR_BYTES: it may quote the file, so it must not go to a disk.

    Only Linux has such files. Elsewhere stderr is dropped, and a child that ran out of memory counts as crashed.
    """
    if not hasattr(os, "memfd_create"):
        return Path(os.devnull).open("r+b")
    handle = os.memfd_create("stderr", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(handle, _STDERR_BYTES)
    fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return os.fdopen(handle, "r+b")


def _bury(children: dict[int, _Child]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        child = children.pop(pid)
        with child.connection, child.stderr, contextlib.suppress(OSError):  # the caller may be gone
            _send(child.connection, b"S", pickle.dumps(_how_it_ended(status, child.stderr)))


def _how_it_ended(status: int, stderr: IO[bytes]) -> tuple[Reason, str] | None:
    """(reason, detail) of a child's end; None for a child that ended normally."""
    if not os.WIFSIGNALED(status):
        return None if os.WEXITSTATUS(status) == 0 else ("crash", f"exit {os.WEXITSTATUS(status)}")
    name = signal.Signals(os.WTERMSIG(status)).name
    if name in ("SIGXCPU", "SIGALRM"):
        return "time", name
    stderr.seek(0)
    # Rust aborts when it cannot allocate memory; a SIGKILL comes from the system when memory is full.
    if name == "SIGKILL" or b"memory allocation of" in stderr.read(_STDERR_BYTES):
        return "memory", name
    return "crash", name


def _answer(connection: socket.socket, stderr: IO[bytes]) -> None:
    """The child: read one request, set its limits, answer, and exit without the clean-up of the server."""
    os.dup2(stderr.fileno(), 2)  # what a library prints when it dies may quote the file
    status = 1
    try:
        frame = _receive(connection)
        if frame is not None:
            function, args, memory_mb, seconds = pickle.loads(frame[1])  # noqa: S301 - from our owner
            _limit(memory_mb, seconds)
            gc.disable()  # the child makes millions of small objects and lives shortly
            _send(connection, *_run(function, args))
            status = 0
    finally:
        os._exit(status)


def _limit(memory_mb: int, seconds: int) -> None:
    for name in ("SIGXCPU", "SIGALRM"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    statm = Path("/proc/self/statm")
    if statm.exists():  # other systems do not give the mapped size; there the limit is not enforced
        mapped = int(statm.read_text().split()[0]) * resource.getpagesize()
        space = mapped + memory_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    signal.setitimer(signal.ITIMER_REAL, seconds * WALL_PER_CPU_SECOND)


def _run(function: Callable[..., object], args: tuple[object, ...]) -> tuple[bytes, bytes]:
    try:
        return b"R", pickle.dumps(function(*args), protocol=pickle.HIGHEST_PROTOCOL)
    except MonitorError as error:
        return b"E", pickle.dumps(error)
    except MemoryError:
        return b"K", pickle.dumps(("memory", "MemoryError"))
    except BaseException as error:  # noqa: BLE001 - a PanicException is no Exception; told by name, never by text
        return b"K", pickle.dumps(("crash", f"{type(error).__name__} {_place(error.__traceback__)}"))


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    ours = [
        frame
        for frame in frames
        if f"{os.sep}pipeline{os.sep}" in frame.filename and "sandbox.py" not in frame.filename
    ]
    frame = (ours or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
