"""Error lines over time: keeps them per submission, masked, and tells which stand tonight, since when, and which are fixed.

A fault is recognised on every night by its `issue_id` (unit, kind, rule, field, person of the row), not by the row
number. A history per unit and kind has a line for the night on which a fault is first met, one when it is gone, one when
it is back. States on the night D follow from the history up to D, so a night that runs again gives the same:

    new        met for the first time on D          came_back  was gone, met again on D
    open       met on an earlier night, still there fixed      gone since D; told on that one night
    excepted   confirmed with a reason that has not expired

Of the months of a list, only the lines of the newest stand. Of files of one name, only those of the last. The line of a
refused file stands until a good file of its kind comes. A rule that could not be asked on a night, because a list was
missing, fixes nothing: its faults are not reported. A newer month that replaces a month fixes nothing: a fault that is
also in the newer month is still open, the others are reported no more. A fault of an older month is `fixed` only when
the list of this month is sent again without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.utils import column_index_from_string

from low_income.checks.lines import ISSUE_COLUMNS
from low_income.model import CheckLevel, Severity, column_letter, mask
from low_income.records import accepted_store, keyed_ids
from low_income.records.ledger import TAKEN, Ledger, Submission
from low_income.records.ledger.parts import BROKE, part_name
from low_income.settings.home import Home, atomically

STATE_TITLES = {"new": "新出现", "open": "仍未改", "came_back": "又出现", "fixed": "已改正", "excepted": "已确认"}
_TEXTS = ("issue_id", "submission_id", "unit_code", "kind", "file_name", "sheet", "column", "header", "value_masked",
          "rule", "level", "severity", "message", "fix")  # fmt: skip
_FIELDS: list[tuple[str, pa.DataType]] = [*((name, pa.string()) for name in _TEXTS), ("row", pa.int32())]
_LINE = pa.schema(_FIELDS)
_EVENT = pa.schema([*_FIELDS, ("night", pa.date32()), ("is_there", pa.bool_())])


def keep(home: Home, submission: Submission, found: pd.DataFrame) -> None:
    """Write the error lines (`checks.ISSUE_COLUMNS`) of a judged submission into accepted/, identifiers masked."""
    path = _lines_path(home, submission)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if found.empty:
        path.unlink(missing_ok=True)
        return
    columns: dict[str, Any] = {name: found[name].tolist() for name in ("issue_id", "sheet", "rule", "level", "fix")}
    size = len(found)
    columns |= {
        "header": found["header"].tolist(),
        "severity": found["severity"].tolist(),
        "submission_id": [submission.submission_id] * size,
        "unit_code": [submission.unit_code] * size,
        "kind": [submission.kind] * size,
        "file_name": [submission.file_name] * size,
        "row": [None if pd.isna(row) else int(row) for row in found["row_number"]],
        "column": [None if pd.isna(column) else column_letter(int(column)) for column in found["column"]],
        "value_masked": [mask(str(value)) for value in found["value"]],
        "message": [mask(str(message)) for message in found["message"]],
    }
    with atomically(path) as part:
        pq.write_table(pa.table(columns, schema=_LINE), part, compression="zstd")


def has_lines(home: Home, submission: Submission) -> bool:
    """Whether error lines of a judged submission are kept."""
    return _lines_path(home, submission).exists()


def reported_issues(home: Home, submission: Submission, excepted: Collection[str]) -> pd.DataFrame:
    """The kept error lines of a judged submission (`checks.ISSUE_COLUMNS`), identifiers masked. For the same bytes sent again."""
    lines = _read(_lines_path(home, submission), _LINE)
    lines = lines.rename(columns={"row": "row_number", "value_masked": "value"})
    lines["column"] = lines["column"].map(column_index_from_string, na_action="ignore").astype("Int64")
    lines["is_excepted"] = lines["issue_id"].isin(list(excepted))
    return lines[ISSUE_COLUMNS]


def open_submissions(submissions: Iterable[Submission]) -> list[Submission]:
    """Those of one unit's submissions whose error lines stand: newest month, last of a name, not answered by a later file."""
    last: dict[tuple[str | None, str, str], Submission] = {}
    seen: dict[str, int] = {}
    for each in submissions:
        name = part_name(each.file_name)
        if each.kind is not None:
            seen[name] = max(each.received_seq, seen.get(name, 0))
        if each.status not in ("superseded", "repeated", "read"):
            key = (each.kind, each.period, name)
            if key not in last or last[key].received_seq <= each.received_seq:
                last[key] = each
    newest: dict[str | None, str] = {}
    taken: dict[tuple[str | None, str], int] = {}
    for each in last.values():
        if each.status in TAKEN:
            newest[each.kind] = max(each.period, newest.get(each.kind, ""))
            taken[each.kind, each.period] = max(each.received_seq, taken.get((each.kind, each.period), 0))
    found = []
    for each in last.values():
        if each.kind is None:
            answered = seen.get(part_name(each.file_name), -1) > each.received_seq
        else:
            answered = each.status == "refused" and taken.get((each.kind, each.period), -1) > each.received_seq
            # A file whose month could not be read is answered by any later one of its kind.
            answered |= bool(newest.get(each.kind)) and "" < each.period < newest[each.kind]
            answered |= (
                not each.period
                and bool(newest.get(each.kind))
                and taken[each.kind, newest[each.kind]] > each.received_seq
            )
        if not answered:
            found.append(each)
    return sorted(found, key=lambda each: (each.received_seq, each.submission_id))


def _is_of_tonight(each: Submission, day: date) -> bool:
    return each.night == day and each.status not in ("superseded", "repeated", "read")


def _replaced(submissions: Sequence[Submission], day: date, *, by_months: int = 0) -> set[str]:
    """Those of one unit's submissions whose month a newer month replaces, unless the list of their month came again tonight.

    `by_months`: only those with at most so many newer months among the taken lists; 0 for all.
    """
    months: dict[str | None, set[str]] = {}
    for each in submissions:
        if each.period and each.status in TAKEN:
            months.setdefault(each.kind, set()).add(each.period)
    again = {
        (each.kind, each.period) for each in submissions if _is_of_tonight(each, day) and each.outcome != "refused"
    }
    found = set()
    for each in submissions:
        newer = sum(month > each.period for month in months.get(each.kind, ()))
        if each.period and newer and (newer <= by_months or not by_months) and (each.kind, each.period) not in again:
            found.add(each.submission_id)
    return found


def remember(
    home: Home,
    ledger: Ledger,
    day: date,
    touched: Iterable[tuple[str, str | None]],
    unasked: Iterable[tuple[str, str, str]] = (),
) -> None:
    """Add to the histories of (unit, kind) pairs: faults that are new or back tonight, and faults that are gone.

    `unasked`: (unit, kind, rule) that could not be asked tonight; faults that they found before are not gone.
    A second call on the same night replaces what the first one wrote.
    """
    unasked = set(unasked)
    for unit, kind in sorted(set(touched), key=lambda pair: (pair[0], pair[1] or "")):
        submissions = [each for each in ledger.submissions(unit_code=unit) if each.night <= day]
        mine = [each for each in submissions if each.kind == kind]
        stands = [each for each in open_submissions(submissions) if each.kind == kind]
        here = _lines(home, stands)
        path = _history_path(home, unit, kind)
        history = _read(path, _EVENT)
        before = _last(history[history["night"] < day])
        was_there = before[before["is_there"].astype(bool)]
        came = here[~here["issue_id"].isin(was_there["issue_id"])].assign(night=day, is_there=True)
        still = [*here["issue_id"], *_lines(home, [each for each in mine if _is_of_tonight(each, day)])["issue_id"]]
        gone = was_there[~was_there["issue_id"].isin(still)]
        gone = gone[~gone["rule"].isin([rule for of, what, rule in unasked if (of, what) == (unit, kind)])]
        gone = gone[~gone["submission_id"].isin(_replaced(mine, day, by_months=1))].assign(night=day, is_there=False)
        written = pd.concat([history[history["night"] != day], came, gone], ignore_index=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _write(path, written.sort_values(["night", "issue_id"], kind="stable"), _EVENT)


def issues_as_of(home: Home, submissions: Sequence[Submission], excepted: Collection[str], day: date) -> pd.DataFrame:
    """The error lines of the night, with `state` and `first_seen_on`: lines that stand, lines of tonight's files, fixed lines.

    `submissions`: all up to the night, of the units asked about. Sorted by unit and issue_id; one line per issue_id.
    """
    units: dict[str, list[Submission]] = {}
    for each in submissions:
        units.setdefault(each.unit_code, []).append(each)
    stands = [each for mine in units.values() for each in open_submissions(mine)]
    known = {each.submission_id for each in stands}
    tonight = [each for each in submissions if _is_of_tonight(each, day) and each.submission_id not in known]
    pairs = {(each.unit_code, each.kind) for each in submissions}
    histories = [_table(_history_path(home, *pair), _EVENT) for pair in sorted(pairs, key=str)]
    history = _frame([_table(Path(), _EVENT), *histories])
    history = history[history["night"] <= day]
    last = _last(history).set_index("issue_id")
    first = history.sort_values("night", kind="stable").drop_duplicates("issue_id").set_index("issue_id")["night"]
    here = pd.concat([_lines(home, stands), _lines(home, tonight)], ignore_index=True)
    here = here.drop_duplicates("issue_id", keep="first")
    since = here["issue_id"].map(last.loc[last["is_there"].astype(bool), "night"]).astype(object)
    began = here["issue_id"].map(first).astype(object)
    here = here.assign(first_seen_on=began.where(began.notna(), day), state="open")
    here.loc[since.isna() | since.eq(day), "state"] = "came_back"
    here.loc[here["first_seen_on"].eq(day), "state"] = "new"
    here.loc[here["issue_id"].isin(list(excepted)), "state"] = "excepted"
    cured = last[~last["is_there"].astype(bool) & last["night"].eq(day)].reset_index()
    # Lines of submissions that a purge removed are left out, else the release would name a missing submission.
    replaced = {name for mine in units.values() for name in _replaced(mine, day)}
    cured = cured[cured["submission_id"].isin({each.submission_id for each in submissions} - replaced)]
    cured = cured[~cured["issue_id"].isin(here["issue_id"])].assign(state="fixed")
    cured["first_seen_on"] = cured["issue_id"].map(first)
    told = pd.concat([here, cured[[*here.columns]]] if len(cured) else [here], ignore_index=True)
    return told.sort_values(["unit_code", "issue_id"], kind="stable", ignore_index=True)


def _last(history: pd.DataFrame) -> pd.DataFrame:
    """The latest event of each fault."""
    return history.sort_values("night", kind="stable").drop_duplicates("issue_id", keep="last")


def _lines(home: Home, submissions: Sequence[Submission]) -> pd.DataFrame:
    tables = [_table(Path(), _LINE)]
    for each in submissions:
        if is_judged := (path := _lines_path(home, each)).exists():
            tables.append(_table(path, _LINE))
        # A held submission may have been judged: it has its own faults, and the line that it has too few people.
        if (about := _of_the_file(each)) is not None and (not is_judged or each.outcome == "held"):
            tables.append(_line_of_the_file(home, each, *about))
    return _frame(tables).drop_duplicates("issue_id", keep="last", ignore_index=True)


def _of_the_file(each: Submission) -> tuple[str, CheckLevel, Severity, str] | None:
    """(rule, level, severity, what to do) for a submission that was held or refused as a whole; None for others."""
    refusal = each.reading.get("refusal") or {}
    if each.outcome == "held" and each.reason.startswith(BROKE):
        return "file.broken", "file", "notice", "不用改，等市局的通知"
    if each.outcome == "held":
        return "file.shrunken", "across_time", "confirm", "核对名单有没有漏报；确实减少的，请告诉市局数据员"
    if each.outcome != "refused":
        return None
    if refusal:
        return f"file.{refusal['code']}", "file", "must_fix", str(refusal["fix"])
    return "file.refused", "across_files", "must_fix", "按原因改好后重新报送"


def _line_of_the_file(
    home: Home, each: Submission, rule: str, level: CheckLevel, severity: Severity, fix: str
) -> pa.Table:
    of_file = keyed_ids.issue_id(
        home.identity_key(), each.unit_code, each.kind or "", rule, each.period, part_name(each.file_name)
    )
    line = dict.fromkeys(_LINE.names) | {
        "issue_id": of_file, "submission_id": each.submission_id, "unit_code": each.unit_code, "kind": each.kind,
        "file_name": each.file_name, "sheet": "", "header": "", "value_masked": "", "rule": rule, "level": level,
        "severity": severity, "message": mask(each.reason), "fix": mask(fix),
    }  # fmt: skip
    return pa.Table.from_pylist([line], schema=_LINE)


def _nullable(kind: pa.DataType) -> Any:
    return pd.Int32Dtype() if pa.types.is_int32(kind) else None


def _read(path: Path, schema: pa.Schema) -> pd.DataFrame:
    return _frame([_table(path, schema)])


def _table(path: Path, schema: pa.Schema) -> pa.Table:
    # Not `read_table`: its dataset costs more than reading such a small file.
    return pq.ParquetFile(path).read().select(schema.names).cast(schema) if path.is_file() else schema.empty_table()


def _frame(tables: Sequence[pa.Table]) -> pd.DataFrame:
    """One frame with the rows of all tables, since making a frame costs more than reading such a small table."""
    return pa.concat_tables(tables).to_pandas(types_mapper=_nullable)


def said_of(home: Home, submission: Submission) -> dict[tuple[int, str], str]:
    """(row, rule) → message to the sender, for a judged submission."""
    path = _lines_path(home, submission)
    if not path.exists():
        return {}
    lines = pq.read_table(path, columns=["row", "rule", "message"]).to_pylist()
    return {(int(line["row"]), line["rule"]): line["message"] for line in lines if line["row"] is not None}


def forget(home: Home, rows: Collection[tuple[str, str, int]], submissions: Collection[str] = ()) -> None:
    """Remove the error lines of these rows (submission_id, sheet, row), and all lines of these submissions.

    The histories keep the events without value and message, so that states stay right.
    """
    for path in sorted((home.accepted / "validation_issue").glob("*.parquet")):
        lines = _read(path, _LINE)
        if (is_theirs := _is_of(lines, rows, submissions)).any():
            _write(path, lines[~is_theirs], _LINE)
    for path in sorted((home.accepted / "issue_life").glob("*.parquet")):
        events = _read(path, _EVENT)
        if (is_theirs := _is_of(events, rows, submissions)).any():
            events.loc[is_theirs, ["value_masked", "message"]] = ""
            _write(path, events, _EVENT)


def rows_about(home: Home, speaks: Callable[[str], bool]) -> set[tuple[str, str, int]]:
    """(submission_id, sheet, row) of the error lines, kept or in histories, for whose words `speaks` is true. Without lines about a whole file."""
    found = set[tuple[str, str, int]]()
    for folder, schema in (("validation_issue", _LINE), ("issue_life", _EVENT)):
        for path in sorted((home.accepted / folder).glob("*.parquet")):
            lines = _read(path, schema)
            lines = lines[lines["row"].notna()]
            said = (lines["value_masked"].fillna("") + "\n" + lines["message"].fillna("")).tolist()
            places = zip(lines["submission_id"], lines["sheet"], lines["row"], said, strict=True)
            found |= {
                (of, "" if pd.isna(sheet) else sheet, int(row)) for of, sheet, row, words in places if speaks(words)
            }
    return found


def _is_of(
    lines: pd.DataFrame, rows: Collection[tuple[str, str, int]], submissions: Collection[str]
) -> pd.Series[bool]:
    places = pd.MultiIndex.from_frame(lines[["submission_id", "sheet", "row"]].astype(object))
    return lines["submission_id"].isin(list(submissions)) | places.isin(list(rows))


def _write(path: Path, lines: pd.DataFrame, schema: pa.Schema) -> None:
    if lines.empty:
        path.unlink(missing_ok=True)
        return
    table = pa.Table.from_pandas(lines, schema, preserve_index=False).replace_schema_metadata(None)
    with atomically(path) as part:
        pq.write_table(table, part, compression="zstd")


def _lines_path(home: Home, submission: Submission) -> Path:
    return accepted_store.rows_path(home, "validation_issue", submission.submission_id)


def _history_path(home: Home, unit: str, kind: str | None) -> Path:
    """The file of a history, named by a hash, since an inbox folder that names no unit may have any name."""
    name = hashlib.sha256(f"{unit}\0{kind or ''}".encode()).hexdigest()[:16]
    return accepted_store.rows_path(home, "issue_life", name)
