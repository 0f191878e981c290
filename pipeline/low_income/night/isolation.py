"""Finds the submissions that our program cannot get over when judging or building fails: by trying, nothing is kept.

A submission is blamed only when all goes well without it. A failure without any of them is a fault of our program, and
the night fails. A submission found here is no fault of its sender: the program should have refused a cell, or worked.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from low_income import warehouse
from low_income.model import tell_failure
from low_income.records import accepted_store, seal
from low_income.records.ledger.parts import BROKE

if TYPE_CHECKING:
    from low_income.checks import Part
    from low_income.records.ledger import Submission
    from low_income.settings.home import Home
    from low_income.warehouse.models import Models

T = TypeVar("T")
MOST_OF_A_UNIT = 3
"""After so many bad submissions of one unit, all that it sent tonight is laid aside, so that no unit's files cost a whole night of trying."""


@dataclass(frozen=True)
class Broken:
    """What is known of a submission that our program cannot get over."""

    reason: str
    """For its sender and the data officer, with the row when it could be found."""
    fault: str = ""
    """The table or the error, for developers; '' when it was only laid aside with others of its unit."""


@dataclass(frozen=True)
class Row:
    """The place of a row: in a submission as read or accepted, or in a filled-in list."""

    sheet: str
    number: int


@dataclass(frozen=True)
class Sent:
    """A submission, or all lines of a filled-in list, that a build can be tried without."""

    sent_id: str
    """The submission's id, or the filled-in list's file_id."""
    unit_code: str
    submission: Submission | None = None
    lines: Mapping[str, Row] = field(default_factory=dict)
    """decision_id → place of the line, for a filled-in list."""

    @property
    def ids(self) -> set[str]:
        """The ids to leave out of the build's inputs."""
        return {self.sent_id, *self.lines}


def first_bad(found_in: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> T:
    """The first item that makes `fails` true together with the items before it. `fails` must be true of all, and false of none."""
    good, bad = 0, len(found_in)
    while bad - good > 1:
        middle = (good + bad) // 2
        if fails(found_in[:middle]):
            bad = middle
        else:
            good = middle
    return found_in[bad - 1]


class _OfUnit(Protocol):
    """A submission of a unit, or the part as which it is judged."""

    @property
    def unit_code(self) -> str: ...


S = TypeVar("S", bound=_OfUnit)


def _culprits(suspects: list[S], fails: Callable[[Sequence[S]], bool]) -> Iterator[tuple[S, list[S], list[S]]]:
    """Yield (culprit, the suspects up to it, those of its unit laid aside with it), until the rest does not fail. The rest stays in `suspects`."""
    times: Counter[str] = Counter()
    while suspects and fails(suspects):
        culprit = first_bad(suspects, fails)
        before = suspects[: suspects.index(culprit) + 1]
        times[culprit.unit_code] += 1
        is_enough = times[culprit.unit_code] >= MOST_OF_A_UNIT
        beside = [each for each in suspects if each != culprit and is_enough and each.unit_code == culprit.unit_code]
        suspects[:] = [each for each in suspects if each != culprit and each not in beside]
        yield culprit, before, beside


def of_build(
    home: Home,
    sql_models: Models,
    tonight: Sequence[Sent],
    given: Callable[[Collection[str]], warehouse.Inputs],
    wanted: Sequence[str] | None = None,
) -> dict[str, Broken]:
    """Find those of `tonight` without which the build of the `wanted` tables (None: all) goes well: sent_id → what is known.

    `given` makes the build's inputs without some `Sent.ids`. Returns {} when the fault is ours, so that the night fails: when
    the build fails without all of them too, or for files of more than half of the units. Also {} when there is no failure.
    """

    def inputs_of(kept: Sequence[Sent], less: Collection[str] = ()) -> warehouse.Inputs:
        return given({*less, *(one for each in tonight if each not in kept for one in each.ids)})

    def failure(kept: Sequence[Sent]) -> warehouse.Failure | None:
        return _attempt(home, sql_models, inputs_of(kept), wanted)

    if not tonight or failure([]):
        return {}
    found: dict[str, Broken] = {}
    suspects, blamed = list(tonight), set[str]()
    for culprit, before, beside in _culprits(suspects, lambda some: failure(some) is not None):
        blamed.add(culprit.unit_code)
        if _is_ours(blamed, tonight):
            return {}
        at = failure(before)
        table = at.table if at else ""
        if culprit.submission:
            row = _row_of_submission(home, inputs_of(before), sql_models, culprit.submission, table)
        else:
            row = _row_of_list(home, partial(inputs_of, before), sql_models, culprit, table)
        found |= {each.sent_id: Broken(_reason("建库", None, "", each)) for each in beside}
        found[culprit.sent_id] = Broken(_reason("建库", row, table, culprit), table)
    # On a first night the build goes well without all files, which proves nothing about any of them.
    return found if suspects or any(map(len, inputs_of([]).accepted.values())) else {}


def _is_ours(blamed: Collection[str], tonight: Sequence[Sent]) -> bool:
    """Whether the program is at fault, and no sender's file: files of several units fail, and these are more than half of tonight's units."""
    return len(blamed) > 1 and 2 * len(blamed) > len({each.unit_code for each in tonight})


def _attempt(
    home: Home, sql_models: Models, given: warehouse.Inputs, wanted: Sequence[str] | None
) -> warehouse.Failure | None:
    return warehouse.attempt(given, sql_models, wanted, work=home.work, key=seal.closing_key(home))


def _fails_at(table: str, home: Home, sql_models: Models, given: warehouse.Inputs) -> bool:
    """Whether this table fails; whether any table fails when `table` is no model."""
    wanted = [table] if table in sql_models.models else sql_models.everything()
    return _attempt(home, sql_models, given, wanted) is not None


def _row_of_list(
    home: Home, given: Callable[[set[str]], warehouse.Inputs], sql_models: Models, culprit: Sent, table: str
) -> Row | None:
    """The line of a filled-in list with which a table fails; None when no single line does. `given`: inputs without some lines."""

    def fails(lines: Sequence[str]) -> bool:
        return _fails_at(table, home, sql_models, given(culprit.ids - {*lines}))

    lines = list(culprit.lines)
    return culprit.lines[first_bad(lines, fails)] if fails(lines) and not fails([]) else None


def _row_of_submission(
    home: Home, given: warehouse.Inputs, sql_models: Models, culprit: Submission, table: str
) -> Row | None:
    """The row of a submission with which a table fails; None when no accepted row is the reason."""
    kind = str(culprit.kind)
    path = accepted_store.rows_path(home, kind, culprit.submission_id)
    paths = given.accepted.get(kind, ())
    if isinstance(paths, pa.Table) or path not in paths:
        return None
    with tempfile.TemporaryDirectory(dir=home.work, prefix="build-") as folder:
        part = Path(folder) / path.name

        def fails(rows: Sequence[Row]) -> bool:
            _write_rows(path, rows, part)
            changed = [part if each == path else each for each in paths]
            return _fails_at(table, home, sql_models, replace(given, accepted={**given.accepted, kind: changed}))

        rows = _rows_in(path)
        return first_bad(rows, fails) if rows and fails(rows) and not fails([]) else None


def of_check(
    parts: Sequence[Part], judge_parts: Callable[[Sequence[Part], Path], object], work: Path
) -> dict[str, Broken]:
    """Find the parts without which the others can be judged: submission_id → what is known.

    `judge_parts` judges parts and writes into a folder. Returns {} when it fails for every choice of parts: then the fault is ours.
    """
    with tempfile.TemporaryDirectory(dir=work, prefix="judge-") as folder:

        def failure(some: Sequence[Part]) -> str:
            try:
                judge_parts(some, Path(folder))
            except warehouse.OF_THE_MACHINE:
                raise
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is told, and whose rows it needs is asked
                return tell_failure(problem)
            return ""

        found: dict[str, Broken] = {}
        suspects, is_sound = list(parts), False
        for culprit, before, beside in _culprits(suspects, lambda some: bool(failure(some))):
            row, others_are_sound = _row_of_check(culprit, failure, Path(folder))
            is_sound = is_sound or others_are_sound
            found |= {each.submission_id: Broken(_reason("检查", None, "")) for each in beside}
            said = failure(before)
            found[culprit.submission_id] = Broken(_reason("检查", row, said), said)
    return found if suspects or is_sound else {}


def _row_of_check(culprit: Part, failure: Callable[[Sequence[Part]], str], folder: Path) -> tuple[Row | None, bool]:
    """(the row with which a file cannot be judged, whether its other rows can be judged)."""
    if not culprit.reading.rows_path:
        return None, False
    path, part = Path(culprit.reading.rows_path), folder / "rows.parquet"

    def fails(rows: Sequence[Row]) -> bool:
        _write_rows(path, rows, part)
        return bool(
            failure([replace(culprit, reading=replace(culprit.reading, rows_path=str(part), rows_read=len(rows)))])
        )

    rows = _rows_in(path)
    if not rows or not fails(rows):
        return None, False
    row = first_bad(rows, fails)
    others = [each for each in rows if each != row]
    return row, bool(others) and not fails(others)


def _rows_in(path: Path) -> list[Row]:
    with closing(pq.ParquetFile(path)) as file:
        table = file.read(columns=["sheet", "row_number"]).group_by(["sheet", "row_number"]).aggregate([])
    lines = table.sort_by([("sheet", "ascending"), ("row_number", "ascending")]).to_pylist()
    return [Row(str(line["sheet"] or ""), int(line["row_number"])) for line in lines]


def _write_rows(path: Path, rows: Sequence[Row], target: Path) -> None:
    """Write only these rows of a file into `target`."""
    names = [(row.sheet, row.number) for row in rows]
    wanted = pa.table(
        {
            "sheet": pa.array([sheet for sheet, _ in names], pa.string()),
            "row_number": pa.array([number for _, number in names], pa.int32()),
        }
    )
    with warehouse.in_memory(target.parent) as con:
        con.register("wanted", wanted)
        kept = con.sql(
            "select source.* from read_parquet(?) as source semi join wanted"
            " on coalesce(source.sheet, '') = wanted.sheet and source.row_number = wanted.row_number",
            params=[str(path)],
        )
        kept.write_parquet(str(target))


def _reason(step: str, row: Row | None, fault: str, sent: Sent | None = None) -> str:
    at = "" if row is None else (f"工作表“{row.sheet}”" if row.sheet else "") + f"第 {row.number} 行"
    where = f"{step}时错在{at}" if at else f"{step}时出错，说不出是哪一行"
    told = f"；给开发者：{fault}" if fault else ""
    if sent and sent.lines:
        return f"{BROKE}（{where}{told}），所以没有登记；这不是您填错了。别的清单照常登记"
    return (
        f"{BROKE}（{where}{told}），先扣住不用；这不是报送单位的错，不用改、不用重报。"
        "上一次收下的仍然有效；没有收下过的，在此以前按没有交齐算，不会因为里面没有谁就下结论"
    )
