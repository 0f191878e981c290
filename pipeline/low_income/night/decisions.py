"""Reads filled-in lists that come back: workbooks → lines in the ledger, and the answers to their senders.

A sheet is recognised by the column with the number of what is decided on (a `Form`). The place of this column, and the
order and number of lines, do not matter. The build judges the lines (`main.decision`). A line that does not fit goes back
marked, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from low_income import advice, returns, values
from low_income.checks import ISSUE_COLUMNS
from low_income.lists.words import (
    ANSWER_TITLES,
    FILLED_IN,
    JUDGED,
    OUTCOME_TITLES,
    QUESTION_NUMBER,
    SAMPLE_NUMBER,
    WARNING_NUMBER,
)
from low_income.model import Area, ColumnUse, MonitorError, Reading, Refusal, SheetReading, tell_failure
from low_income.reading import beside, layout, readers, sandbox
from low_income.reading.grid import Grid
from low_income.records import archive
from low_income.records.ledger import Ledger
from low_income.records.ledger.decisions import DecisionFile, DecisionLine
from low_income.settings import contracts
from low_income.settings.contracts import Column, Kind, fold_header
from low_income.settings.home import Home

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

FIELDS = ("result", "measure", "decided_by", "decided_on", "note")
"""What a line may say."""
_WORDS = ("measure", "decided_by", "note")
"""Fields that people write in their own words."""
_ENOUGH = 3
"""A sheet with so many columns of a form counts as that form, even when it lacks a required column."""
_HIGHEST_HEADER = 30
_NO_ROW = 1 << 31
_REASONS = {
    "memory": "读取这个文件需要的内存超出限度",
    "time": "读取这个文件需要的时间超出限度",
}


@dataclass(frozen=True)
class Form:
    """A sheet that people fill in: what its lines decide on, the column that identifies them, and the possible answers."""

    about: str
    key: str
    headers: Mapping[str, str]
    """Field (some of FIELDS) → header."""
    results: Mapping[str, str]
    """Answer → the Chinese word that people choose for it."""
    does: str
    """What the person who signs has done, as a Chinese word."""
    subject: str
    """What a line is about."""
    example: str
    """An example of what the reason may say."""


FORMS = (
    Form(
        "warning", WARNING_NUMBER, dict(zip(FIELDS, FILLED_IN, strict=True)), OUTCOME_TITLES, "核查", "预警",
        "看到了什么、问了谁",
    ),
    Form(
        "sample", SAMPLE_NUMBER, dict(zip(FIELDS, FILLED_IN, strict=True)), OUTCOME_TITLES, "核查", "抽样核查",
        "看到了什么、问了谁",
    ),
    Form(
        "identity", QUESTION_NUMBER, dict(zip(("result", "decided_by", "decided_on", "note"), JUDGED, strict=True)),
        ANSWER_TITLES, "判断", "身份疑问", "看了什么材料、问了谁",
    ),
)  # fmt: skip
_FORM_OF = {form.about: form for form in FORMS}


@dataclass(frozen=True)
class FilledIn:
    """The filled-in lines of one sheet, as text."""

    about: str
    sheet: str
    header_row: int
    columns: dict[str, int]
    """Field (FIELDS, and `subject`) → 1-based column."""
    lines: list[tuple[int, dict[str, str], bool]]
    """(row number, field → text, whether the cell of the day held a number) of each line that has anything filled in."""
    refused: list[tuple[int, str]]
    """(1-based column, header) of columns that are never stored. Their cells are emptied in the returned copy."""
    emptied: dict[str, list[Area]] = field(default_factory=dict)
    """As in `Reading`, for the whole workbook. Only the first form of a workbook holds it."""


# reading ---------------------------------------------------------------------------------------------------------


def take_in(home: Home, ledger: Ledger, unit_code: str) -> int:
    """Read the waiting files of one unit and write their lines into the ledger; returns how many files."""
    waiting = [file for file in ledger.decisions.files(state="received") if file.unit_code == unit_code]
    for file in waiting:
        with archive.opened(home, file.sha256) as path:
            memory_mb, seconds = layout.limits(path)
            try:
                found: list[FilledIn] | Refusal = sandbox.call(
                    read_sheets, path, file.file_name, memory_mb=memory_mb, seconds=seconds
                )
            except sandbox.Killed as killed:
                found = _of_killed(killed, file.file_name)
        if isinstance(found, Refusal):
            ledger.decisions.record_lines(file.file_id, [], [], found)
            continue
        sheets = [
            {
                "sheet": one.sheet,
                "header_row": one.header_row,
                "columns": one.columns,
                "refused": one.refused,
                "emptied": one.emptied,
            }
            for one in found
        ]
        try:
            lines = [line for one in found for line in _judge_alone(one, file.night)]
        except (MonitorError, OSError):
            raise
        except Exception as problem:  # noqa: BLE001 - a fault of ours over one list; it is told, with its place
            ledger.decisions.record_lines(file.file_id, [], [], layout.not_read(tell_failure(problem), file.file_name))
            continue
        ledger.decisions.record_lines(file.file_id, lines, sheets)
    return len(waiting)


def _of_killed(killed: sandbox.Killed, file_name: str) -> Refusal:
    if killed.reason == "crash":
        return layout.not_read(killed.detail, file_name)
    return Refusal(killed.reason, _REASONS[killed.reason], advice.SAVE_LIST_AGAIN)


def read_sheets(path: Path, file_name: str) -> list[FilledIn] | Refusal:
    """The filled-in lines of every sheet that is a form. Runs in the sandbox."""
    book = readers.read(path, file_name)
    if isinstance(book, Refusal):
        return book
    if book.misnamed:
        return book.misnamed
    found, torn = [], []
    for grid in book.grids:
        forms = [one for form in FORMS if (one := _sheet(grid, form)) is not None]
        found += forms
        if not forms and (lacks := _lacks(grid)):
            torn.append(f"工作表“{grid.sheet}”填了内容，却没有{lacks}")
    if torn:
        return Refusal("no_form", "；".join(torn), advice.USE_OUR_LIST)
    if found:
        found[0] = replace(found[0], emptied=_emptied(book.grids, found))
        return found
    wanted = "两列，或同时有".join(f"“{form.key}”和“{form.headers['result']}”" for form in FORMS)
    return Refusal(
        "no_form",
        f"没有找到同时有{wanted}两列的工作表，看不出填的是哪一条",
        advice.USE_OUR_LIST,
    )


def _emptied(grids: Sequence[Grid], found: Sequence[FilledIn]) -> dict[str, list[Area]]:
    """Sheet → areas with what is never received: above the lines of a form, and on sheets that are no form."""
    emptied = {}
    first = {one.sheet: one.header_row for one in found}
    for grid in grids:
        ours = np.flatnonzero(grid.row_numbers >= first.get(grid.sheet, _NO_ROW))
        if areas := beside.areas_to_empty(grid, contracts.load(), ours):
            emptied[grid.sheet] = areas
    return emptied


def _lacks(grid: Grid) -> str:
    """Which column is missing, in Chinese, on a sheet that has other filled-in columns of a form; '' when none is."""
    for form in FORMS:
        for row, at in _headers(grid, form):
            if len(at) < _ENOUGH or not {"subject", "result"} & set(at):
                continue
            filled = [column for field, column in at.items() if field != "subject"]
            if any(grid.text(line, column).strip() for line in range(row + 1, grid.height) for column in filled):
                key = form.key if form.about == "identity" else f"{WARNING_NUMBER}”或“{SAMPLE_NUMBER}"
                if "subject" in at:
                    return f"“{form.headers['result']}”这一列，看不出结果是什么"
                return f"“{key}”这一列，看不出填的是哪一条"
    return ""


def _headers(grid: Grid, form: Form) -> Iterator[tuple[int, dict[str, int]]]:
    """(row, field of the form → column) for each row that may be the header of a sheet."""
    wanted = {fold_header(header)[0]: field for field, header in form.headers.items()}
    wanted[fold_header(form.key)[0]] = "subject"
    for row in range(min(grid.height, _HIGHEST_HEADER)):
        yield (
            row,
            {
                wanted[folded]: column
                for column in reversed(range(len(grid.columns)))
                if (folded := fold_header(grid.text(row, column))[0]) in wanted
            },
        )


def _sheet(grid: Grid, form: Form) -> FilledIn | None:
    whole = next((found for found in _headers(grid, form) if {"subject", "result"} <= set(found[1])), None)
    if whole is None:
        return None
    row, at = whole
    numeric = grid.numeric.get(at["decided_on"]) if "decided_on" in at else None
    lines = []
    for line in range(row + 1, grid.height):
        texts = {field: grid.text(line, column).strip() for field, column in at.items()}
        if any(text for field, text in texts.items() if field != "subject"):
            is_number = bool(numeric[line]) if numeric is not None else False
            lines.append((int(grid.row_numbers[line]), texts, is_number))
    columns = {field: column + 1 for field, column in at.items()}
    headers = contracts.load().headers
    refused = [
        (column + 1, header)
        for column in range(len(grid.columns))
        if column not in at.values() and headers.refusal_of(header := grid.text(row, column))
    ]
    return FilledIn(form.about, grid.sheet, int(grid.row_numbers[row]), columns, lines, refused)


def _judge_alone(filled: FilledIn, night: date) -> list[DecisionLine]:
    """The lines, each with what is wrong with the line by itself. The build judges whether its subject exists."""
    form = _FORM_OF[filled.about]
    codes = {_folded(word): code for code, word in form.results.items()} | {code: code for code in form.results}
    days, choices = _days(filled, night, form), "、".join(form.results.values())
    lines = []
    for number, texts, _ in filled.lines:
        subject, result = texts["subject"].replace(" ", "").lower(), codes.get(_folded(texts["result"]))
        decided_on, odd_day = days[number]
        wrong: list[tuple[str, str]] = []
        if not subject:
            wrong.append(("subject", f"没有{form.key}，对不上是哪一条：请从清单里把这一行的编号一起交回"))
        if not texts["result"]:
            wrong.append(("result", f"填了别的栏，却没有选“{form.headers['result']}”：请填{choices}中的一种"))
        elif result is None:
            wrong.append(("result", f"“{texts['result']}”不在选项内：请改为{choices}中的一种"))
        if not texts.get("decided_by"):
            wrong.append(("decided_by", f"没有写“{form.headers['decided_by']}”：请写{form.does}的人的姓名"))
        if odd_day:
            wrong.append(("decided_on", odd_day))
        if not texts.get("note"):
            wrong.append(("note", f"没有写“{form.headers['note']}”：请写明理由，{form.example}"))
        column = filled.columns.get(wrong[0][0] if wrong else "result", filled.columns["result"])
        words = {field: texts.get(field) or None for field in _WORDS}
        problem = "；".join(text for _, text in wrong) or None
        lines.append(
            DecisionLine(filled.about, subject, result, decided_on, words, filled.sheet, number, column, problem)
        )
    return lines


def _folded(word: str) -> str:
    return fold_header(word)[0]


def _days(filled: FilledIn, night: date, form: Form) -> dict[int, tuple[date | None, str]]:
    """Row number → (day, what is wrong with it). A line without a day gets the night on which it came."""
    import pyarrow as pa  # noqa: PLC0415

    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    column = Column(header=form.headers["decided_on"], type="date", required=True)
    typed_as: dict[str, Any] = {"sheet": pa.string(), "row": pa.int64(), "day": pa.string(), "day__numeric": pa.bool_()}
    rows = [
        {"sheet": filled.sheet, "row": number, "day": texts.get("decided_on") or None, "day__numeric": is_number}
        for number, texts, is_number in filled.lines
    ]
    raw = pa.Table.from_pylist(rows, schema=pa.schema(typed_as))
    with warehouse.in_memory() as con:
        con.register("lines", raw)
        typed = values.parse(con, "lines", Kind.model_construct(columns={"day": column}), night)
        found = con.execute(f"select row, day, day__text, day__problem from {typed}").fetchall()
    return {
        row: (night if text is None else day, _odd_day(problem, column, text) if problem else "")
        for row, day, text, problem in found
    }


def _odd_day(problem: str, column: Column, text: str) -> str:
    message, _ = values.explain(problem, column)
    return message.format(header=column.header, value=text[:40]).rstrip("。")


# rows for the build, and answers ---------------------------------------------------------------------------------


def rows(ledger: Ledger, day: date, without: Collection[str] = ()) -> list[dict[str, Any]]:
    """All lines that came up to the night of `day`, as `input.decision`. `without`: decision_ids to leave out."""
    return [
        {
            "decision_id": decision_id, "about": line.about, "subject": line.subject, "result": line.result,
            "decided_on": line.decided_on, "unit_code": file.unit_code, "file_name": file.file_name, "sheet": line.sheet,
            "row_number": line.row_number, "night": file.night, "received_seq": file.received_seq, "problem": line.problem,
        }
        | line.words
        for file, decision_id, line in ledger.decisions.lines(day)
        if decision_id not in without
    ]  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The answer to one filled-in file: the data of a marked copy, or the reason why nothing could be read."""

    file: DecisionFile
    summaries: list[returns.SubmissionSummary]
    issues: pd.DataFrame
    refusal: Refusal | None


def answers(ledger: Ledger, release: duckdb.DuckDBPyConnection) -> list[Answer]:
    """The answers for files that wait for one, and for files whose lines a new line contradicts tonight, so that all sides know."""
    judged = _judged(release)
    news = {one["subject"] for one in judged.values() if one["is_new"] and one["conflict"]}
    news |= {one["contradiction"] for one in judged.values() if one["is_new"] and one["contradiction"]}
    by_file: dict[str, list[tuple[str, DecisionLine]]] = {}
    for file, decision_id, line in ledger.decisions.lines(date.max):
        by_file.setdefault(file.file_id, []).append((decision_id, line))
    found = []
    for file in ledger.decisions.files():
        lines = [(line, judged[one]) for one, line in by_file.get(file.file_id, []) if one in judged]
        contradicted = any(
            (each["conflict"] and each["subject"] in news) or each["contradiction"] in news for _, each in lines
        )
        if file.state == "read" or (file.state == "answered" and contradicted):
            said = file.refusal
            refusal = Refusal(said["code"], said["reason"], said["fix"]) if said else None
            found.append(Answer(file, [_summary(file, lines)], _issues(file, lines), refusal))
    return found


def _judged(release: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    answer = release.execute(
        "with said as ("
        "select decision_id, coalesce(warning_id, sample_id) as subject, state, problem, conflict, contradiction, received_on"
        " from decision union all "
        "select decision_id, coalesce(left_ref, question_id) as subject, state, problem, conflict, contradiction, received_on"
        " from identity_decision)"
        " select said.decision_id, said.subject, said.state, said.problem, said.conflict, said.contradiction,"
        " said.received_on = release.run_date as is_new from said cross join release"
    )
    names = [column[0] for column in answer.description or []]
    return {row[0]: dict(zip(names, row, strict=True)) for row in answer.fetchall()}


def _summary(file: DecisionFile, lines: list[tuple[DecisionLine, dict[str, Any]]]) -> returns.SubmissionSummary:
    sheets = [
        SheetReading(
            sheet=one["sheet"],
            header_rows=(one["header_row"], one["header_row"]),
            columns=[ColumnUse(field, field, column) for field, column in one["columns"].items()],
            refused_columns=[(int(column), str(header)) for column, header in one.get("refused", [])],
        )
        for one in file.sheets
    ]
    emptied = {
        sheet: [(first, last, column) for first, last, column in areas]
        for one in file.sheets
        for sheet, areas in one.get("emptied", {}).items()
    }
    aside = sum(said["state"] == "misfit" for _, said in lines)
    states = [said["state"] for _, said in lines]
    told = [f"填写了 {len(lines)} 行：登记 {len(lines) - aside} 行，退回 {aside} 行。没有填写的行不算。"]
    if again := states.count("repeated"):
        told.append(f"其中 {again} 行与已登记的完全相同，只计一次。")
    if later := states.count("replaced"):
        told.append(f"其中 {later} 行已有日期更晚（同一天的同一结果，收到更晚）的登记，以更晚的为准。")
    if torn := states.count("contradicted"):
        told.append(f"其中 {torn} 行与别的登记互相矛盾，商定后重填以前都不采用，详见该行的批注。")
    if file.came_again:
        told.append(
            f"这份文件 {file.night.isoformat()} 已经收过，{file.came_again.isoformat()} 又收到同样的一份，只计一次。"
        )
    if never := sorted({header for sheet in sheets for _, header in sheet.refused_columns}):
        told.append(f"按规定不接收的列：{'、'.join(never)}，没有读取，退回件中已清空。")
    told += [f"{beside.in_words(sheet, areas)}。" for sheet, areas in sorted(emptied.items())]
    told.append("登记的结果和判断不会使任何待遇停发、减发或追回。")
    return returns.SubmissionSummary(
        kind_title="核查登记", reading=Reading(kind=None, sheets=sheets, rows_read=len(lines), emptied=emptied), rows_read=len(lines),
        rows_accepted=len(lines) - aside, rows_set_aside=aside, rows_out_of_scope=0,
        status="accepted" if not aside else "partly_accepted" if aside < len(lines) else "refused", notices=told,
    )  # fmt: skip


def _issues(file: DecisionFile, lines: list[tuple[DecisionLine, dict[str, Any]]]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    found = []
    for line, said in lines:
        if said["state"] == "misfit":
            found.append(
                _issue(line, "decision.misfit", "must_fix", f"{said['problem']}。这一行没有登记。", said["problem"])
            )
        if said["contradiction"]:
            form = _FORM_OF[line.about]
            kept = "其中的“是同一人”都不生效，各按各的号码认人" if line.about == "identity" else "这几个结果都不采用"
            told = (
                f"这几条{form.does}互相矛盾，不能都对：{said['contradiction']}。弄清以前{kept}。"
                f"请与上面各方商定后重填一次，“{form.headers['decided_on']}”写商定的那一天，要晚于上面的日期。"
            )
            fix = f"与各方商定后重填一次，“{form.headers['decided_on']}”要晚于原来的日期"
            found.append(_issue(line, "decision.contradiction", "confirm", told, fix))
        if said["conflict"]:
            form = _FORM_OF[line.about]
            told = (
                f"对这条{form.subject}有不同的结论：{said['conflict']}。现以{form.headers['decided_on']}较晚的为准；"
                "如不对，请双方商定后重填一次。"
            )
            found.append(_issue(line, "decision.conflict", "confirm", told, "与另一方商定，以商定的结果重填一次"))
    return pd.DataFrame(found, columns=ISSUE_COLUMNS)


def _issue(line: DecisionLine, rule: str, severity: str, message: str, fix: str) -> dict[str, Any]:
    return dict.fromkeys(ISSUE_COLUMNS, "") | {
        "rule": rule, "severity": severity, "message": message, "fix": fix, "sheet": line.sheet,
        "row_number": line.row_number, "column": line.column, "header": "", "value": "",
    }  # fmt: skip
