"""Others at the same work: one list judged by others and us, one workbook read, one workbook marked.

Each peer is written as its own documentation shows it, with the checks that our contract of the kind makes, and must
point at exactly the same failing cells; what it costs is taken in a process of its own, imports left out.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from low_income.model import ColumnUse, MonitorError, Reading, SheetReading

KIND = "edge_person"
FIELDS = {
    "name": "姓名", "id_number": "身份证号", "head_id_number": "户主身份证号", "relation": "与户主关系",
    "monthly_income_fen": "月收入",
}  # fmt: skip
RELATIONS = ("户主", "配偶", "子", "女", "父", "母")
_SHAPE = r"^99\d{4}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]$"
_MONEY = r"^\d{1,7}(?:\.\d{1,2})?$"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

Cells = set[tuple[int, str]]
"""(0-based row, field) of failing cells."""


def _is_right(number: str) -> bool:
    """The check character, as anybody would write it for one number."""
    if len(number) != 18 or not number[:17].isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return number[17] == "10X98765432"[total % 11]


# The rows -----------------------------------------------------------------------------------------------------------


def make_rows(target: Path, rows: int, *, bad_cells: float | None = None) -> None:
    """A roster of invented people as raw text (Parquet); one row in about forty has a wrong cell, or `bad_cells` of all cells."""
    import numpy as np  # noqa: PLC0415 - what only a measurement needs
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415
    from low_income.generate.people import crowd_firsts, crowd_names, with_check  # noqa: PLC0415

    rng = np.random.default_rng(1)
    numbers = with_check(crowd_firsts(rng, rows))
    names = crowd_names(rng, rows)
    at = rng.permutation(rows)
    share = rows // 200 if bad_cells is None else 0
    wrong, unnamed, short, unread, twins = (at[n * share : (n + 1) * share] for n in range(5))
    heads = numbers.copy()
    relations = np.array(RELATIONS, dtype=object)[rng.integers(1, len(RELATIONS), rows)]
    incomes = rng.integers(0, 3_000, rows).astype(str).astype(object)
    first = at[5 * share : 6 * share]
    numbers[twins] = numbers[first]
    numbers[wrong] = [number[:17] + ("1" if number[17] != "1" else "2") for number in numbers[wrong]]
    names[unnamed] = None
    heads[short] = [number[:16] for number in heads[short]]
    incomes[unread] = "约一千"
    columns = {"name": names, "id_number": numbers, "head_id_number": heads, "relation": relations,
               "monthly_income_fen": incomes}  # fmt: skip
    for field, cells in columns.items() if bad_cells else ():
        blank = field in ("name", "id_number")  # elsewhere a blank is no fault
        spoilt = rng.permutation(rows)[: int(rows * (bad_cells or 0))]
        cells[spoilt] = [
            None if blank and at % 2 else f"?{cell[:9]}" for at, cell in zip(spoilt, cells[spoilt], strict=True)
        ]
    table: dict[str, Any] = {"sheet": pa.array([""] * rows), "row_number": pa.array(range(2, rows + 2), pa.int32())}
    table |= {field: pa.array(list(values), pa.string()) for field, values in columns.items()}
    table |= {f"{field}__numeric": pa.array([False] * rows) for field in ("id_number", "head_id_number")}
    pq.write_table(pa.table(table), target)


# The peers ------------------------------------------------------------------------------------------------------------


def _ours(path: Path, *, is_whole: bool = False) -> Callable[[], Cells]:
    """Raw text → failing cells, as the others; `is_whole`: and put in words, and every row written where it belongs."""
    import great_expectations  # noqa: F401, PLC0415 - its import is not the work measured
    from low_income import checks, warehouse  # noqa: PLC0415
    from low_income.settings import contracts  # noqa: PLC0415

    known = contracts.load()
    header = {title: field for field, title in FIELDS.items()}
    uses = [ColumnUse(field, title, at) for at, (field, title) in enumerate(FIELDS.items(), start=1)]

    def work() -> Cells:
        with tempfile.TemporaryDirectory() as folder, warehouse.in_memory() as con:
            rows = con.execute(f"select count(*) from read_parquet('{path}')").fetchall()[0][0]
            reading = Reading(KIND, [SheetReading("", (1, 1), uses, rows_read=rows)], "2026-10", str(path), rows)
            part = checks.Part("bench", "d01", KIND, "bench", "名单.csv", 0, reading)
            around = checks.CheckContext(date(2026, 10, 31), bytes(32), lambda texts: {})
            if not is_whole:
                found = checks.failing_cells(con, known, [part], around)
                return set(zip((found["row_number"] - 2).tolist(), found["field"].tolist(), strict=True))
            [verdict] = checks.judge_parts(con, known, [part], around, Path(folder))
        lines = verdict.issues
        return {(int(row) - 2, header[title]) for row, title in zip(lines["row_number"], lines["header"], strict=True)}

    return work


def _plain_great_expectations(path: Path) -> Callable[[], Cells]:
    import great_expectations as gx  # noqa: PLC0415
    import great_expectations.expectations as gxe  # noqa: PLC0415

    frame = _frame(path)

    def work() -> Cells:
        asked = frame.assign(
            **{f"{field}_right": frame[field].map(_is_right) for field in ("id_number", "head_id_number")}
        )
        context = gx.get_context(mode="ephemeral")
        suite = context.suites.add(gx.ExpectationSuite(name="roster"))
        for one in (
            gxe.ExpectColumnValuesToNotBeNull(column="name"),
            gxe.ExpectColumnValuesToNotBeNull(column="id_number"),
            gxe.ExpectColumnValuesToMatchRegex(column="id_number", regex=_SHAPE),
            gxe.ExpectColumnValuesToBeInSet(column="id_number_right", value_set=[True]),
            gxe.ExpectColumnValuesToBeUnique(column="id_number"),
            gxe.ExpectColumnValuesToMatchRegex(column="head_id_number", regex=_SHAPE),
            gxe.ExpectColumnValuesToBeInSet(column="head_id_number_right", value_set=[True]),
            gxe.ExpectColumnValuesToBeInSet(column="relation", value_set=list(RELATIONS)),
            gxe.ExpectColumnValuesToMatchRegex(column="monthly_income_fen", regex=_MONEY),
        ):
            suite.add_expectation(one)
        batch = context.data_sources.add_pandas("rows").add_dataframe_asset("roster")
        definition = batch.add_batch_definition_whole_dataframe("all")
        validation = context.validation_definitions.add(
            gx.ValidationDefinition(name="roster", data=definition, suite=suite)
        )
        result = validation.run(batch_parameters={"dataframe": asked}, result_format={"result_format": "COMPLETE"})
        failing: Cells = set()
        for each in result.results:
            field = each.expectation_config.kwargs["column"].removesuffix("_right")
            failing |= {(row, field) for row in each.result["unexpected_index_list"] or ()}
        return failing

    return work


def _pandera(path: Path) -> Callable[[], Cells]:
    import pandera.errors  # noqa: PLC0415
    import pandera.pandas as pa  # noqa: PLC0415

    frame = _frame(path)

    def work() -> Cells:
        schema = pa.DataFrameSchema(
            {
                "name": pa.Column(str, nullable=False),
                "id_number": pa.Column(
                    str,
                    [pa.Check.str_matches(_SHAPE), pa.Check(_is_right, element_wise=True)],
                    nullable=False,
                    unique=True,
                ),
                "head_id_number": pa.Column(
                    str, [pa.Check.str_matches(_SHAPE), pa.Check(_is_right, element_wise=True)]
                ),
                "relation": pa.Column(str, pa.Check.isin(RELATIONS)),
                "monthly_income_fen": pa.Column(str, pa.Check.str_matches(_MONEY)),
            }
        )
        try:
            schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as found:
            cases = found.failure_cases
            return {(int(row), str(field)) for row, field in zip(cases["index"], cases["column"], strict=True)}
        return set()

    return work


def _duckdb(path: Path) -> Callable[[], Cells]:
    import duckdb  # noqa: PLC0415

    total = " + ".join(f"try_cast(n[{at}] as integer) * {weight}" for at, weight in enumerate(_WEIGHTS, start=1))
    right = f"regexp_full_match(n, '{_SHAPE}') and '10X98765432'[({total}) % 11 + 1] = n[18]"
    query = f"""
        with source as (select row_number - 2 as place, {", ".join(FIELDS)} from read_parquet('{path}'))
        select place, 'name' from source where name is null
        union select place, 'id_number' from source where id_number is null or not is_right(id_number)
        union select place, 'id_number' from source where id_number is not null qualify count(*) over (partition by id_number) > 1
        union select place, 'head_id_number' from source where not is_right(head_id_number)
        union select place, 'relation' from source where relation not in {RELATIONS}
        union select place, 'monthly_income_fen' from source where not regexp_full_match(monthly_income_fen, '{_MONEY}')
    """

    def work() -> Cells:
        with closing(duckdb.connect()) as con:
            con.execute(f"create macro is_right(n) as {right}")
            return set(con.execute(query).fetchall())

    return work


def _frictionless(path: Path) -> Callable[[], Cells]:
    from frictionless import Check, Checklist, Resource, Schema, errors, fields, system  # noqa: PLC0415

    frame = _frame(path)
    rows = [
        [None if value is None else str(value) for value in row] for row in frame.to_numpy(dtype=object, na_value=None)
    ]

    class Right(Check):
        type = "right"
        Errors = [errors.CellError]

        def validate_row(self, row: Any) -> Iterator[Any]:
            for field in ("id_number", "head_id_number"):
                if row[field] and not _is_right(row[field]):
                    yield errors.CellError.from_row(row, note="check character", field_name=field)

    class Once(Check):
        type = "once"
        Errors = [errors.CellError]
        seen: ClassVar[dict[str, int]] = {}

        def validate_row(self, row: Any) -> Iterator[Any]:
            if (number := row["id_number"]) in self.seen:
                yield errors.CellError.from_row(row, note=str(self.seen[number]), field_name="id_number")
            self.seen.setdefault(number, row.row_number)

    def work() -> Cells:
        schema = Schema(
            fields=[
                fields.StringField(name="name", constraints={"required": True}),
                fields.StringField(name="id_number", constraints={"required": True, "pattern": _SHAPE}),
                fields.StringField(name="head_id_number", constraints={"pattern": _SHAPE}),
                fields.StringField(name="relation", constraints={"enum": list(RELATIONS)}),
                fields.StringField(name="monthly_income_fen", constraints={"pattern": _MONEY}),
            ]
        )
        with system.use_context(trusted=True):
            resource = Resource(data=[list(FIELDS), *rows], schema=schema)
            report = resource.validate(Checklist(checks=[Right(), Once()]), limit_errors=len(rows))
        failing: Cells = set()
        for error in report.tasks[0].errors:
            failing.add((error.row_number - 2, error.field_name))
            if error.note.isdecimal():
                failing.add((int(error.note) - 2, error.field_name))
        return failing

    return work


def _frame(path: Path) -> Any:
    import pandas as pd  # noqa: PLC0415

    return pd.read_parquet(path, columns=list(FIELDS))


VALIDATING: dict[str, tuple[str, Callable[[Path], Callable[[], Cells]]]] = {
    "ours": ("本产品（从原文到有错的格）", _ours),
    "ours_whole": ("本产品（整个检查：还写好每一格的说明、写出接收和退回的行）", partial(_ours, is_whole=True)),
    "great_expectations": ("Great Expectations（按其文档）", _plain_great_expectations),
    "duckdb": ("DuckDB，手写的 SQL", _duckdb),
    "pandera": ("pandera", _pandera),
    "frictionless": ("frictionless", _frictionless),
}


# Reading a workbook -------------------------------------------------------------------------------------------------


def make_book(rows: Path, target: Path) -> None:
    """The same roster as a workbook of one sheet, with a title line above its header."""
    import xlsxwriter  # noqa: PLC0415

    with closing(xlsxwriter.Workbook(target, {"constant_memory": True})) as book:
        sheet = book.add_worksheet("人员")
        sheet.write_string(0, 0, "低保边缘人员名单 2026年10月")
        sheet.write_row(1, 0, list(FIELDS.values()))
        for at, row in enumerate(_frame(rows).to_numpy(dtype=object, na_value=None), start=2):
            sheet.write_row(at, 0, [value or "" for value in row])


def _our_reader(path: Path) -> Callable[[], Cells]:
    from low_income.reading import layout, sandbox  # noqa: PLC0415

    with tempfile.NamedTemporaryFile(suffix=".csv") as small:  # the server is there before the night's first file
        layout.read_file(Path(small.name), "空.csv", "d01", {"division"}, Path(tempfile.gettempdir()))

    def work() -> Cells:
        with tempfile.TemporaryDirectory() as folder:
            [reading] = layout.read_file(path, path.name, "d01", {"division", "d01"}, Path(folder))
        sandbox.close()
        return {(reading.rows_read, "rows")}

    return work


def _pandas(path: Path, *, engine: Literal["openpyxl", "calamine"]) -> Callable[[], Cells]:
    import pandas as pd  # noqa: PLC0415

    def work() -> Cells:
        return {(len(pd.read_excel(path, engine=engine, header=1, dtype=str)), "rows")}

    return work


READING: dict[str, tuple[str, Callable[[Path], Callable[[], Cells]]]] = {
    "ours": ("本产品（隔离的进程里，识别种类和表头）", _our_reader),
    "calamine": ("pandas + calamine", partial(_pandas, engine="calamine")),
    "pandas": ("pandas + openpyxl", partial(_pandas, engine="openpyxl")),
}


# Marking a workbook -------------------------------------------------------------------------------------------------

EACH = 100
"""Of the rows of the workbook that is marked, one of so many has a wrong income."""
_FIX = "请只填数字"


def _marked_rows(rows: int) -> range:
    """The rows of the sheet, counted as Excel does, whose income is marked: its list begins in row 3."""
    return range(3, rows + 3, EACH)


def _rows_of(path: Path) -> int:
    """How many rows the list of a workbook by `make_book` has."""
    import python_calamine  # noqa: PLC0415

    with python_calamine.load_workbook(path) as book:
        return int(book.get_sheet_by_index(0).total_height) - 2


def _our_marks(path: Path) -> Callable[[], Callable[[], Cells]]:
    import pandas as pd  # noqa: PLC0415
    from low_income import returns  # noqa: PLC0415

    rows, column = _rows_of(path), len(FIELDS)
    uses = [ColumnUse(field, title, at) for at, (field, title) in enumerate(FIELDS.items(), start=1)]
    reading = Reading(KIND, [SheetReading("人员", (2, 2), uses, rows_read=rows)], "2026-10")
    summary = returns.SubmissionSummary("低保边缘人员", reading, rows, rows, 0, 0, "accepted")
    at = _marked_rows(rows)
    issues = pd.DataFrame({"issue_id": [f"i{row}" for row in at], "row_number": pd.array(at, "Int32")}).assign(
        level="value", rule="monthly_income_fen.unreadable", severity="confirm", message="月收入看不懂", fix=_FIX,
        sheet="人员", header="月收入", value="约一千", column=pd.array([column] * len(at), "Int32"),
    )  # fmt: skip

    def work() -> Callable[[], Cells]:
        target = path.with_name("ours.xlsx")
        returns.write(path, path.name, target, [summary], issues)
        return partial(_filled, target)

    return work


def _openpyxl(path: Path) -> Callable[[], Callable[[], Cells]]:
    import openpyxl  # noqa: PLC0415
    from openpyxl.comments import Comment  # noqa: PLC0415
    from openpyxl.styles import PatternFill  # noqa: PLC0415

    at, column = _marked_rows(_rows_of(path)), len(FIELDS)

    def work() -> Callable[[], Cells]:
        target = path.with_name("openpyxl.xlsx")
        book = openpyxl.load_workbook(path)
        sheet = book.worksheets[0]
        for row in at:
            cell = sheet.cell(row, column)
            cell.fill = PatternFill("solid", fgColor="FFFFEB9C")
            cell.comment = Comment(_FIX, "monitor")
        book.save(target)
        return partial(_filled, target)

    return work


def _filled(path: Path) -> Cells:
    """(row, column's letter) of the cells of the sender's sheet that have a fill."""
    import openpyxl  # noqa: PLC0415

    sheet = openpyxl.load_workbook(path)["人员"]
    return {(cell.row, cell.column_letter) for row in sheet.iter_rows() for cell in row if cell.fill.fill_type}


MARKING: dict[str, tuple[str, Callable[[Path], Callable[[], Callable[[], Cells]]]]] = {
    "ours": ("本产品（还写问题清单，并核对每一格）", _our_marks),
    "openpyxl": ("openpyxl（读进来、涂色、写批注、存）", _openpyxl),
}
"""A peer's work gives what finds the marked cells: that is asked after the clock has stopped."""


_PEERS: dict[str, Mapping[str, tuple[str, Callable[[Path], Callable[[], Any]]]]] = {
    "validating": VALIDATING,
    "reading": READING,
    "marking": MARKING,
}
_TITLES = {
    "validating": "同样的行、同样的检查，找出同样的单元格",
    "reading": "同一个工作簿，读成表",
    "marking": f"同一个工作簿，每 {EACH} 行标出一格",
}


# Measuring ---------------------------------------------------------------------------------------------------------


def measure(rows: int, *, rounds: int, on_step: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Seconds of each peer, median of the rounds, and how many cells it found failing.

    Raises MonitorError when two peers do not find the same, or one fails.
    """
    told: dict[str, Any] = {"rows": rows}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        table, book = Path(folder) / "名单.parquet", Path(folder) / "名单.xlsx"
        make_rows(table, rows)
        make_book(table, book)
        for what, path in (("validating", table), ("reading", book), ("marking", book)):
            told[what] = {}
            for name, (title, _) in _PEERS[what].items():
                taken = []
                for done in range(rounds):
                    on_step(title, done, rounds)
                    taken.append(_in_a_process(what, name, path))
                told[what][name] = {
                    "title": title, "found": taken[0]["found"],
                    "seconds": sorted(each["seconds"] for each in taken)[rounds // 2],
                }  # fmt: skip
                if taken[0]["digest"] != told[what].setdefault("digest", taken[0]["digest"]):
                    raise MonitorError(f"测量作废：{title} 找到的与本产品不同（{taken[0]['found']} 处）")
            del told[what]["digest"]
    return told


def _in_a_process(what: str, name: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "trials.bench.peers", what, name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise MonitorError(f"测量“{name}”没有成功（对照的库只在开发环境里，见 pyproject.toml）：{last}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def as_text(told: dict[str, Any]) -> str:
    """A Markdown table for each work."""
    lines = []
    for what, title in _TITLES.items():
        ours = told[what]["ours"]["seconds"]
        lines += [
            "",
            f"{title}（{told['rows']:,} 行）：",
            "",
            "| 谁 | 用时（秒） | 是本产品的几倍 |",
            "|---|---:|---:|",
        ]
        for each in told[what].values():
            lines.append(f"| {each['title']} | {each['seconds']:.2f} | {each['seconds'] / ours:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    ready = _PEERS[sys.argv[1]][sys.argv[2]][1](Path(sys.argv[3]))
    began = time.perf_counter()
    done = ready()
    seconds = time.perf_counter() - began
    cells = done() if callable(done) else done
    digest = hashlib.sha256(repr(sorted(cells)).encode()).hexdigest()
    found = len(cells)
    print(json.dumps({"seconds": seconds, "found": found, "digest": digest}))  # noqa: T201 - read by the one who measures
