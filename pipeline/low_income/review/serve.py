"""Serves the page of a home on this machine alone, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import uvicorn

from low_income.model import MonitorError, tell_failure
from low_income.records import access
from low_income.review.app import make_app
from low_income.review.people import LocalDoor, reviewer_of

ADDRESS = "127.0.0.1"


def serve(home_dir: Path, name: str, unit_code: str | None, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve a home's page to the person at the keyboard; `on_ready` gets the link that works once. `port` 0: any free one.

    Raises MonitorError when the home cannot be used, the unit is none, or the port is taken.
    """
    home, _ = access.open_whole(home_dir)
    door = LocalDoor(reviewer_of(home, name, unit_code))
    app = make_app(home_dir, door)
    with closing(socket.socket()) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((ADDRESS, port))
        except OSError as problem:
            raise MonitorError(
                f"端口 {port} 用不了：{tell_failure(problem)}；请用 --port 换一个，0 表示任意空着的"
            ) from problem
        listening.listen()
        on_ready(f"http://{ADDRESS}:{listening.getsockname()[1]}/enter/{door.ticket}")
        # No log of addresses: they hold names that were searched for.
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, proxy_headers=False, lifespan="off"
        )
        uvicorn.Server(config).run(sockets=[listening])
