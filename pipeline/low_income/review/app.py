"""The web application: its addresses, who is let in, and what every answer carries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as AnyHTTPException

from low_income.ask.pages import read_templates
from low_income.lists.words import CHANGE_TITLES, LEVEL_TITLES
from low_income.model import MonitorError, mask, tell_failure
from low_income.operate import integrity
from low_income.review import files, household, morning, queue
from low_income.review.people import LocalDoor, Reviewer
from low_income.review.release import opened, rows
from low_income.settings.home import Home, Unit

if TYPE_CHECKING:
    import duckdb

ADDRESSES = ["127.0.0.1", "localhost"]
"""The names by which the page may be called: a foreign name that was made to point to this machine is refused."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TEMPLATES = read_templates(Path(__file__).parent / "templates")
_TEMPLATES.globals |= {
    "level_titles": LEVEL_TITLES,
    "change_titles": CHANGE_TITLES,
    "due_words": {"overdue": "（已逾期）", "today": "（今天到期）", "later": ""},
}
_NOT_HERE = "没有这一页，或不归您看。"
_MESSAGES = {
    400: "请用终端里给出的网址（http://127.0.0.1 开头的）打开这一页。",
    401: "您还没有登录，或登录已经结束。请回到运行 monitor review 的终端，重新运行，再点它给出的链接。",
    404: _NOT_HERE,
    405: "这一页只能看，不能改。",
}


def make_app(home_dir: Path, door: LocalDoor) -> FastAPI:
    """The page of one home, for one browser on this machine. Who is there is asked before any address is looked up, but for the way in."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/enter/{ticket}")
    def enter(request: Request, ticket: str) -> Response:
        if door.identify(request.cookies.get(_cookie(request))) is not None:
            return RedirectResponse(f"{_root(request)}/", status_code=303)
        session = door.enter(ticket)
        if session is None:
            return _message(request, 401, None)
        answer = RedirectResponse(f"{_root(request)}/", status_code=303)
        answer.set_cookie(_cookie(request), session, httponly=True, samesite="strict", path=_root(request) or "/")
        return answer

    _add_pages(app, home_dir)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_exception_handler(AnyHTTPException, _refused)
    app.add_exception_handler(MonitorError, _told)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Any]) -> Response:
        path = request.url.path.removeprefix(_root(request))
        is_open = path.startswith(("/enter/", "/static/"))
        request.state.reviewer = None if is_open else door.identify(request.cookies.get(_cookie(request)))
        if request.url.hostname not in ADDRESSES:
            answer: Response = _message(request, 400, None)
        elif not is_open and request.state.reviewer is None:
            answer = _message(request, 401, None)
        else:
            try:
                answer = await call_next(request)
            except Exception as problem:  # noqa: BLE001 - told by place, never by text; the server would print all of it
                answer = _failed(request, problem)
        for name, value in HEADERS.items():
            answer.headers[name] = value
        if not path.startswith("/static/"):
            answer.headers["Cache-Control"] = "no-store"
        return answer

    return app


def _cookie(request: Request) -> str:
    """The name of the session's cookie. Browsers give cookies to all ports of a machine, so the port is in it."""
    return f"monitor_review_{request.url.port or 80}"


def _add_pages(app: FastAPI, home_dir: Path) -> None:
    def release(home: Home, asker: Reviewer) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        if not asker.has_lists:
            raise HTTPException(404)
        return opened(home, asker)

    @app.get("/")
    def start(request: Request) -> Response:
        asker: Reviewer = request.state.reviewer
        if not asker.is_of_bureau:
            return RedirectResponse(f"{_root(request)}/{'queue' if asker.has_lists else 'files'}", status_code=303)
        home = Home.open(home_dir)
        with opened(home, asker) as con:
            standing = morning.read_standing(con, _names(home))
            deliveries = morning.read_deliveries(con, home.units)
        title, sections = morning.read_letter(home, standing["night"])
        return _page(
            request, asker, "morning", title=title, sections=sections, standing=standing, deliveries=deliveries
        )

    @app.get("/queue")
    def show_queue(request: Request) -> Response:
        asker: Reviewer = request.state.reviewer
        home = Home.open(home_dir)
        names, divisions = _names(home), _divisions(home, asker)
        with release(home, asker) as con:
            offered = queue.choices(con, divisions)
            filters, notes = queue.read_filters(request.query_params, offered)
            page = queue.read_page(con, filters, _number(request.query_params.get("page")))
            night = _night(con)
        return _page(
            request,
            asker,
            "queue",
            offered=offered,
            filters=filters,
            notes=notes,
            page=page,
            unit_names=names,
            night=night,
        )

    @app.get("/households/{household_id}")
    def show_household(request: Request, household_id: str) -> Response:
        asker: Reviewer = request.state.reviewer
        home = Home.open(home_dir)
        names, divisions = _names(home), _divisions(home, asker)
        with release(home, asker) as con:
            told = household.read_household(con, household_id, unit_names=names, policy_titles=home.policy.titles)
            if told is None:
                raise HTTPException(404)
            filters, _ = queue.read_filters(request.query_params, queue.choices(con, divisions))
            before, after = queue.neighbours(con, filters, household_id)
        integrity.looked(home_dir, "review", household_id=household_id)
        return _page(request, asker, "household", told=told, filters=filters, before=before, after=after)

    @app.get("/files")
    def show_files(request: Request) -> Response:
        asker: Reviewer = request.state.reviewer
        home = Home.open(home_dir)
        unit = _unit(home, asker, request.query_params.get("unit"))
        with opened(home, asker) as con:
            states, faults = files.read_faults(con, unit.code, _number(request.query_params.get("faults")))
            sent = files.read_files(con, unit.code, _number(request.query_params.get("page")))
            due = files.read_due(con, unit.code)
            night = _night(con)
        return _page(
            request, asker, "files", unit=unit, units=home.units if asker.is_of_bureau else {}, night=night, due=due,
            states=states, faults=faults, sent=sent, returned=files.returned_files(home, unit.code), bar_width=files.BAR_WIDTH,
        )  # fmt: skip

    @app.get("/returned/{unit_code}/{key}")
    def take_file(request: Request, unit_code: str, key: str) -> Response:
        asker: Reviewer = request.state.reviewer
        home = Home.open(home_dir)
        unit = _unit(home, asker, unit_code)
        found = files.returned_file(home, unit.code, key)
        if found is None:
            raise HTTPException(404)
        what = "下载空白模板" if found.is_blank else "下载退回件"
        integrity.looked(home_dir, "review", because=f"{what} {unit.code}/{found.name}")
        return FileResponse(found.path, filename=found.name.rsplit("/", 1)[-1])


def _unit(home: Home, asker: Reviewer, asked: str | None) -> Unit:
    """The unit whose files are asked for. A reviewer of a unit sees his own alone; the bureau chooses, else its first division."""
    if asker.unit is not None:
        if asked not in (None, "", asker.unit.code):
            raise HTTPException(404)
        return asker.unit
    if asked and asked not in home.units:
        raise HTTPException(404)
    return home.units[asked] if asked else next(unit for unit in home.units.values() if unit.kind != "bureau")


def _night(con: duckdb.DuckDBPyConnection) -> date:
    """The night of the release that is open."""
    night: date = rows(con, "select max(run_date) as run_date from release")[0]["run_date"]
    return night


def _names(home: Home) -> dict[str, str]:
    return {unit.code: unit.name for unit in home.units.values()}


def _divisions(home: Home, asker: Reviewer) -> dict[str, str]:
    """Code → name of the divisions between which a reviewer chooses: all for the bureau, none for a division."""
    return {unit.code: unit.name for unit in home.units.values() if asker.is_of_bureau and unit.kind != "partner"}


def _number(text: str | None) -> int:
    """A page's number in an address; 1 for anything that is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 else 1


def _root(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")


def _page(request: Request, asker: Reviewer | None, name: str, status_code: int = 200, **values: Any) -> Response:
    page = _TEMPLATES.get_template(f"{name}.html.j2").render(root=_root(request), reviewer=asker, here=name, **values)
    return HTMLResponse(page, status_code=status_code)


def _message(request: Request, status_code: int, said: str | None) -> Response:
    return _page(request, None, "message", status_code, said=said or _MESSAGES.get(status_code, "这一页打不开。"))


def _refused(request: Request, problem: Exception) -> Response:
    return _message(request, problem.status_code if isinstance(problem, AnyHTTPException) else 500, None)


def _told(request: Request, problem: Exception) -> Response:
    return _message(request, 409, mask(str(problem)))


def _failed(request: Request, problem: Exception) -> Response:
    sys.stderr.write(f"这一页没有做出来：{tell_failure(problem)}\n")
    return _message(
        request,
        500,
        "我们的程序在这一页出了错，不是您做错了什么。原因写在运行 monitor review 的终端里，请告诉维护人员。",
    )
