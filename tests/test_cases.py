"""Files as real programs write them (tests/cases/): each is read right, or refused in true words that help.

tests/cases/expected.csv says of each file which unit sends it on which night, what may become of it, and why. Where several
outcomes are right they stand side by side (`accepted|refused`, `4..5`); the rows are those of a file that is taken. All people are
invented; in each workbook of unit d01 the number of one of the three has a wrong check digit.
"""

from __future__ import annotations

import csv
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
import python_calamine
from low_income.ask.check_file import check_file
from low_income.night import run
from lxml import etree

from tests.night_kit import DAY, ask, new_home, still

FILES = Path(__file__).parent / "cases"
NEXT = DAY + timedelta(days=1)
IGNORED = "ignored"
THREADED = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}"


@dataclass(frozen=True)
class Case:
    """A line of expected.csv."""

    file: str
    unit: str
    night: int
    statuses: frozenset[str]
    read: range
    accepted: range
    why: str

    def holds(self, status: str, read: int, accepted: int) -> bool:
        """Whether this may have become of the file: a refused one counts no rows, in an accepted one nobody is set aside."""
        if status == "refused":
            return status in self.statuses and read == accepted == 0
        taken = status in self.statuses and read in self.read and accepted in self.accepted and accepted > 0
        return taken and (status == "partly_accepted" or accepted == read)


def _span(text: str) -> range:
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def _cases() -> dict[str, Case]:
    with (FILES / "expected.csv").open(encoding="utf-8", newline="") as file:
        return {
            line["file"]: Case(
                line["file"], line["unit"], int(line["night"]), frozenset(line["status"].split("|")),
                _span(line["rows_read"]), _span(line["rows_accepted"]), line["why"],
            )
            for line in csv.DictReader(file)
        }  # fmt: skip


CASES = _cases()
SENT = {name: case for name, case in CASES.items() if IGNORED not in case.statuses}


def test_each_file_has_its_line_and_each_line_its_file() -> None:
    assert {path.name for path in FILES.iterdir()} == {*CASES, "expected.csv"}


# What a sender is told ---------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What `monitor check` made of a file."""

    status: str
    read: int
    accepted: int
    copy: Path
    refused: list[dict[str, Any]]
    notices: list[str]
    faults: list[tuple[int | None, str]] = field(default_factory=list)
    """(row, message) of each line of the copy's sheet 问题清单."""

    @property
    def words(self) -> str:
        said = [text for each in self.refused for text in (each["reason"], each["fix"])]
        return "\n".join([*said, *self.notices, *(message for _, message in self.faults)])

    def of_row(self, row: int) -> str:
        return "\n".join(message for number, message in self.faults if number == row)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Checks a case once, in a home with the sample units."""
    root = tmp_path_factory.mktemp("checked")
    home = new_home(root / "home")
    known: dict[str, Told] = {}

    def check(name: str) -> Told:
        if name not in known:
            folder = root / f"{len(known)}"
            folder.mkdir()
            known[name] = _check(home, Path(shutil.copy(FILES / name, folder)), CASES[name].unit)
        return known[name]

    yield check


def _check(home: Path, path: Path, unit: str) -> Told:
    told = check_file(home, path, unit, DAY)
    read, accepted, aside = (sum(kind[key] for kind in told["kinds"]) for key in ("read", "accepted", "set_aside"))
    assert read == accepted + aside
    status = "refused" if told["refused"] else "accepted" if read == accepted else "partly_accepted"
    copy = Path(told["annotated"])
    return Told(status, read, accepted, copy, told["refused"], told["notices"], _faults(copy) if read else [])


def _faults(copy: Path) -> list[tuple[int | None, str]]:
    """Lines of 问题清单 below the heads 行号 and 问题."""
    found: list[tuple[int | None, str]] = []
    heads: dict[str, int] = {}
    for row in openpyxl.load_workbook(copy)["问题清单"].iter_rows(values_only=True):
        cells = [str(cell) if cell is not None else "" for cell in row]
        if "行" in cells and any("怎么" in cell or "问题" in cell for cell in cells):
            heads = {cell: at for at, cell in enumerate(cells) if cell}
        elif heads and any("【" in cell for cell in cells):
            number = cells[heads["行"]]
            found.append((int(number) if number.isdecimal() else None, next(cell for cell in cells if "【" in cell)))
    return found


@pytest.mark.parametrize("name", SENT)
def test_a_file_is_read_right_or_refused(name: str, checked: Any) -> None:
    told = checked(name)
    assert SENT[name].holds(told.status, told.read, told.accepted), (told, SENT[name].why)


@pytest.mark.parametrize("name", SENT)
def test_no_word_of_the_inside_is_said(name: str, checked: Any) -> None:
    assert not re.search(r"Exception|Error|Panic|\.py\b|\.rs\b|traceback|None|nan\b", checked(name).words)


LOSES_NUMBERS = re.compile(r"(?<!不要)(?<!不要直接)打开[^。；;]{0,12}另存为 ?\.?xlsx")
"""To open a text file or a web page and save it: the last digits of an 18-digit number become 000."""


@pytest.mark.parametrize(
    "name", [name for name in SENT if name.endswith((".csv", ".txt")) or "web" in name or "text" in name]
)
def test_advice_for_a_text_file_keeps_the_numbers(name: str, checked: Any) -> None:
    assert not LOSES_NUMBERS.search(checked(name).words)


@pytest.mark.parametrize("name", ["web_page_begins_with_div.xls", "web_page_begins_with_style.xls"])
def test_a_web_page_is_called_one_and_not_to_be_renamed_to_csv(name: str, checked: Any) -> None:
    (refusal,) = checked(name).refused
    assert "网页" in refusal["reason"]
    assert not re.search(r"(后缀|文件名)[^。；;]*\.csv", refusal["fix"])


TRUE_REASONS = {
    "half_a_character.csv": "第4行|�",
    "two_lists_side_by_side.xlsx": "并排|左右",
    "header_of_three_rows.xlsx": "三行|3行",
    "excel_95.xls": "旧|95",
}
"""File → what the reason says when it is refused, or what is told of the row that was set aside."""


@pytest.mark.parametrize("name", TRUE_REASONS)
def test_a_reason_is_the_true_one(name: str, checked: Any) -> None:
    told = checked(name)
    assert told.status == "accepted" or re.search(TRUE_REASONS[name], told.words), told.words


def test_nobody_is_told_to_delete_one_of_two_lists_side_by_side(checked: Any) -> None:
    assert not re.search(r"删去|删除|只保留", checked("two_lists_side_by_side.xlsx").words)


def test_faults_and_hidden_rows_are_found_where_cells_bear_no_references(checked: Any) -> None:
    told = checked("cells_without_references.xlsx")
    assert "公式" in told.of_row(5) and "#N/A" in told.of_row(3)
    assert re.search(r"1行是隐藏|第6行[^。]*隐藏|隐藏[^。]*第6行", told.words)


def test_a_hidden_sheet_is_named_and_the_way_to_show_it_is_the_one_that_works(checked: Any) -> None:
    very, hidden = checked("last_month_very_hidden.xlsx"), checked("draft_on_a_hidden_sheet.xlsx")
    assert re.search(r"隐藏[^。\n]*上月|上月[^。\n]*隐藏", very.words)
    assert re.search(r"隐藏[^。\n]*草稿|草稿[^。\n]*隐藏", hidden.words)
    assert "取消隐藏" in hidden.words
    # The menu shows no such sheet.
    assert "取消隐藏" not in very.words or re.search(r"菜单|右键", very.words)


# What goes back ----------------------------------------------------------------------------------------------------


def _texts(path: Path) -> dict[str, dict[tuple[int, int], str]]:
    """Sheet → (row, column from 1) → text of every cell that holds something."""
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    return {
        name: {
            (row, column): f"{cell:g}" if isinstance(cell, float) else str(cell)
            for row, cells in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), 1)
            for column, cell in enumerate(cells, 1)
            if cell not in ("", None)
        }
        for name in book.sheet_names
    }


LAYOUT_KEPT = [
    name
    for name, case in SENT.items()
    if (name.endswith(".xlsx") or name == "hidden_sheet_first.xls")
    and name != "photographs_over_a_column.xlsx"
    and "refused" not in case.statuses
]
"""Workbooks that are taken and from which nothing is to be emptied."""


@pytest.mark.parametrize("name", LAYOUT_KEPT)
def test_a_copy_keeps_every_sheet_and_cell_where_it_was(name: str, checked: Any) -> None:
    sent, copied = _texts(FILES / name), _texts(checked(name).copy)
    assert [sheet for sheet in copied if sheet in sent] == list(sent)
    for sheet, cells in sent.items():
        assert {place: copied[sheet].get(place) for place in cells} == cells


def test_addresses_of_a_foxpro_table_are_as_they_were_written(checked: Any) -> None:
    _addresses_are_whole(list(_texts(checked("visual_foxpro_varchar.dbf").copy).values())[-1])


def _addresses_are_whole(cells: dict[tuple[int, int], str]) -> None:
    (column,) = (place[1] for place, text in cells.items() if text == "居住地")
    found = [text for (row, at), text in sorted(cells.items()) if at == column and text != "居住地"]
    assert found == ADDRESSES


ADDRESSES = [f"样例路和谐小区东区第三排平房{'甲乙丙丁戊'[:size]}号" for size in range(1, 6)]


def _parts(copy: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(copy) as package:
        return {name: package.read(name) for name in package.namelist()}


def _our_note_can_be_read_beside_the_thread(copy: Path) -> None:
    """A new Excel shows the thread of C3 and not the old note of that cell: our words stand in the thread."""
    threads = [body for name, body in _parts(copy).items() if "threadedComment" in name and name.endswith(".xml")]
    said = [
        "".join(comment.itertext())
        for body in threads
        for comment in etree.fromstring(body).iter(f"{THREADED}threadedComment")
        if comment.get("ref") == "C3"
    ]
    assert [text for text in said if text in ("请核对", "已核对")] == ["请核对", "已核对"]
    assert any("身份证号" in text and "退回" in text for text in said), said
    old = openpyxl.load_workbook(copy)["数据"]["C3"].comment
    assert old is not None and "退回" in old.text


def test_our_note_can_be_read_where_a_thread_hides_the_old_notes(checked: Any) -> None:
    _our_note_can_be_read_beside_the_thread(checked("thread_on_a_number.xlsx").copy)


def _no_photograph_goes_back(copy: Path) -> None:
    parts = _parts(copy)
    assert not [name for name in parts if re.search(r"media/|\.(png|jpe?g|gif|emf|wmf)$", name)]
    sent = {name: body for name, body in _parts(FILES / "photographs_over_a_column.xlsx").items() if "media/" in name}
    assert sent and not set(sent.values()) & set(parts.values())
    assert not [name for name, body in parts.items() if name.startswith("xl/drawings/") and b"embed=" in body]


def test_no_photograph_over_a_column_that_is_never_received_goes_back(checked: Any) -> None:
    _no_photograph_goes_back(checked("photographs_over_a_column.xlsx").copy)


# As real nights ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(the home after the first night, after the second)."""
    root = tmp_path_factory.mktemp("cases")
    home = new_home(root / "home")
    for number, day in enumerate((DAY, NEXT), 1):
        for case in CASES.values():
            if case.night == number:
                folder = home / "inbox" / case.unit
                folder.mkdir(parents=True, exist_ok=True)
                still(Path(shutil.copy(FILES / case.file, folder)))
        run.night(home, day)
        if number == 1:
            shutil.copytree(home, root / "first", symlinks=True)
    return root / "first", home


OUTCOME = "select file_name, status, rows_read, rows_accepted from submission order by all"


@pytest.mark.slow
def test_each_night_ends_as_expected_for_every_file(nights: tuple[Path, Path]) -> None:
    for number, home in enumerate(nights, 1):
        found = {name: outcome for name, *outcome in ask(home, OUTCOME)}
        assert set(found) == {case.file for case in SENT.values() if case.night <= number}
        assert not {name: outcome for name, outcome in found.items() if not CASES[name].holds(*outcome)}


@pytest.mark.slow
def test_a_night_makes_of_a_file_what_the_check_before_made_of_it(nights: tuple[Path, Path], checked: Any) -> None:
    found = {name: tuple(outcome) for name, *outcome in ask(nights[1], OUTCOME)}
    told = {name: checked(name) for name in SENT}
    assert found == {name: (each.status, each.read, each.accepted) for name, each in told.items()}


@pytest.mark.slow
def test_leftovers_and_companions_are_named_to_the_data_officer_and_answered_by_nobody(
    nights: tuple[Path, Path],
) -> None:
    message = (nights[0] / "outbox" / f"{DAY}.md").read_text(encoding="utf-8")
    ignored = [case for case in CASES.values() if IGNORED in case.statuses]
    assert len(ignored) == 3
    for case in ignored:
        lines = [line for line in message.splitlines() if case.file in line]  # half a list is also said to be a gap
        assert lines and all(case.unit in line or "退回" not in line for line in lines)
        assert not list((nights[0] / "returns").rglob(f"{Path(case.file).stem}*"))
        assert (nights[0] / "inbox" / case.unit / case.file).exists() or _is_archived(nights[0], case)


def _is_archived(home: Path, case: Case) -> bool:
    return any(case.file in path.name for path in home.rglob("*") if "returns" not in path.parts)


@pytest.mark.slow
def test_the_accepted_addresses_are_whole(nights: tuple[Path, Path]) -> None:
    ((submission,),) = ask(
        nights[0], "select submission_id from submission where file_name = 'visual_foxpro_varchar.dbf'"
    )
    rows = pq.read_table(nights[0] / "accepted/temporary_grant" / f"{submission}.parquet", columns=["current_address"])
    assert sorted(rows["current_address"].to_pylist()) == sorted(ADDRESSES)


@pytest.mark.slow
def test_copies_of_a_night_hold_our_note_and_no_photograph(nights: tuple[Path, Path]) -> None:
    returned = nights[0] / "returns/d11"
    _our_note_can_be_read_beside_the_thread(returned / "thread_on_a_number.xlsx")
    _no_photograph_goes_back(returned / "photographs_over_a_column.xlsx")
