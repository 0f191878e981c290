"""What a refusal advises is done once, and what it leads to is accepted with every digit: for each refusal that a reader can give.

A conversion that a person makes in a spreadsheet program is made here by the rule that the advice names: a text cell stays
text (saving a workbook), a column set as text is imported as text. LibreOffice does it itself where it is installed.
"""

from __future__ import annotations

import ast
import io
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from low_income import advice
from low_income.model import ROOT, Reading
from low_income.reading import layout
from low_income.settings import contracts

from tests.advice_kit import (
    CASES,
    ROWS,
    TABLE,
    Case,
    xlsx,
    xml_2003,
)
from tests.damage_kit import person_number

ELSEWHERE = {
    "say_which_kind": "tests/test_recognition.py",
    "EXPORT_FIELDS": "tests/test_dbf.py",
    "OURS_TO_MEND": "tests/test_layout.py", "OURS_TO_EXPORT": "tests/test_layout.py",
    "MAKE_SMALLER": "tests/test_layout.py", "EXPORT_IN_PARTS": "tests/test_layout.py",
    "try_again": "tests/test_isolation.py", "SEND_AGAIN_WHEN_MENDED": "tests/test_isolation.py", "NEED_NOT_ACT": "tests/test_inbox.py",
    "USE_PLAIN_NAME": "tests/test_inbox.py", "BRING_THE_FILE": "tests/test_inbox.py",
    "COPY_AS_OWN_ACCOUNT": "tests/test_inbox.py", "USE_FLAT_FOLDER": "tests/test_inbox.py",
    "COPY_FILE_ITSELF": "tests/test_inbox.py", "GIVE_ACCESS": "tests/test_inbox.py", "COPY_AGAIN": "tests/test_inbox.py",
    "use_own_folder": "tests/test_inbox.py",
    "say_whose": "tests/test_inbox.py", "name_which_holds": "tests/test_night.py", "show_and_send": "tests/test_advice.py",
    "SAVE_LIST_AGAIN": "tests/test_decisions.py", "USE_OUR_LIST": "tests/test_decisions.py", "MEND_ORIGINAL": "tests/test_corrections.py",
    "CORRECT_OWN_FILE": "tests/test_corrections.py", "CORRECT_LATEST": "tests/test_corrections.py", "CORRECT_AS_XLSX": "tests/test_corrections.py",
    "CORRECT_AS_IT_CAME": "tests/test_corrections.py", "EMPTY_NO_ROW": "tests/test_corrections.py",
    "CHANGE_COLOURED": "tests/test_given_back.py", "use_inbox_of_lists": "tests/test_decisions.py",
}  # fmt: skip
"""Advice that no single file can be given and mended by: the tests in which it is given, followed, and seen to help."""
CODES_ELSEWHERE = {"too_big", "unreadable", "no_base", "base_changed", "nothing_changed", "correction_changed", "row_emptied",
                   "no_form", "filled_list", "link", "hard_link", "owner",
                   "unopened", "unknown_unit", "which_kind", "other_division"}  # fmt: skip


def read(data: bytes, name: str, kinds: str, folder: Path) -> list[Reading]:
    folder.mkdir(exist_ok=True)
    (folder / "file").write_bytes(data)
    return layout.read_submissions(folder / "file", name, "d01", {kinds}, folder)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.said}-{case.name}")
def test_what_is_advised_leads_to_acceptance(case: Case, tmp_path: Path) -> None:
    (refused, *_) = read(case.spoilt(), case.name, case.kinds, tmp_path / "spoilt")
    assert refused.refusal is not None, refused
    said = getattr(advice, case.said)
    expected = said if isinstance(said, str) else said("?" if case.said == "add_ending" else 0)
    assert refused.refusal.code == case.code
    assert all(piece in refused.refusal.fix for piece in ([expected] if isinstance(said, str) else [expected[:6]]))
    readings = read(case.mended(), case.new_name, case.new_kinds, tmp_path / "mended")
    assert [reading.refusal for reading in readings] == [None]
    assert readings[0].rows_read == case.rows
    rows = pq.read_table(str(readings[0].rows_path)).to_pylist()
    numbers = {person_number(n) for n in range(1, 5)}
    for row in rows:
        assert row["id_number"] in numbers and row["id_number__numeric"] is False


@pytest.mark.parametrize(
    ("state", "how"), [("hidden", advice.SHOW_SHEET), ("veryHidden", advice.SHOW_VERY_HIDDEN_SHEET)]
)
def test_a_list_on_a_hidden_sheet_is_taken_when_that_sheet_is_shown(state: str, how: str, tmp_path: Path) -> None:
    hidden = xlsx(TABLE, state=state)
    (refused,) = read(hidden, "台账.xlsx", "division", tmp_path / "hidden")
    assert refused.refusal and refused.refusal.fix == advice.show_and_send(how)
    book = openpyxl.load_workbook(io.BytesIO(hidden))
    book.worksheets[0].sheet_state = "visible"
    shown = io.BytesIO()
    book.save(shown)
    (reading,) = read(shown.getvalue(), "台账.xlsx", "division", tmp_path / "shown")
    assert (reading.refusal, reading.rows_read) == (None, 4)


def calls() -> list[tuple[str, ast.expr, ast.expr]]:
    """(file, code, advice) of every refusal that is written in the product."""
    found = []
    for path in sorted((ROOT / "pipeline" / "low_income").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.func if isinstance(node, ast.Call) else None
            if (
                isinstance(node, ast.Call)
                and isinstance(name, ast.Name)
                and name.id in ("Refusal", "Refused", "_refused")
            ):
                given = [*node.args, *(each.value for each in node.keywords)]
                if len(given) >= 3:
                    found.append((str(path.relative_to(ROOT)), given[0], given[2]))
    return found


def test_every_refusal_has_its_advice_followed() -> None:
    codes = {code.value for _, code, _ in calls() if isinstance(code, ast.Constant)}
    assert len(codes) > 25
    assert codes - {case.code for case in CASES} - CODES_ELSEWHERE == set()
    public = {name for name, value in vars(advice).items() if name[0] != "_" and name not in ("Final", "Sequence", "annotations")
              and (isinstance(value, str) or callable(value))}  # fmt: skip
    assert public - {case.said for case in CASES} - set(ELSEWHERE) == set()
    assert [name for name in [*ELSEWHERE, *(case.said for case in CASES)] if not hasattr(advice, name)] == []


def test_advice_that_is_followed_elsewhere_is_named_by_a_test_there() -> None:
    """A table that said where it is followed would go on saying so when the test no longer did."""
    assert sorted(name for name, place in ELSEWHERE.items() if name not in _named_by_tests(ROOT / place)) == []


def _named_by_tests(path: Path) -> set[str]:
    """The advice that tests of a file speak of, in what they are given or what they do."""
    return {
        node.attr
        for test in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")
        for node in ast.walk(test)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "advice"
    }


def test_no_refusal_has_words_of_its_own() -> None:
    said = [
        (place, node.value)
        for place, _, given in calls()
        for node in ast.walk(given)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "请" in node.value
    ]
    assert said == []


def test_text_and_pages_are_never_to_be_opened_and_saved() -> None:
    for name in ("IMPORT_TEXT", "FROM_WEB_PAGE"):
        said = getattr(advice, name)
        assert "另存为 .xlsx：号码的后三位会变成 000" in said and "打开，另存为" not in said
    for place, _, given in calls():
        if place.endswith(("delimited.py", "dbf.py", "stored.py")):
            assert "SAVE_AS_XLSX" not in ast.unparse(given)
    for path in (ROOT / "pipeline" / "low_income").rglob("*.py"):
        if path.name != "advice.py":
            assert "另存为 .xlsx" not in path.read_text(encoding="utf-8"), path


def test_what_a_card_of_a_kind_advises_is_a_change_of_the_value() -> None:
    """Fixes of the contracts ask to look and to correct; none asks to convert a file."""
    for kind in contracts.load().kinds.values():
        for check in kind.checks:
            assert not any(word in check.fix for word in ("另存", "打开", "导出", "复制"))


@pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice is not installed: the conversions are made by rule"
)
@pytest.mark.slow
def test_a_spreadsheet_program_that_saves_a_workbook_keeps_its_text(tmp_path: Path) -> None:
    """SAVE_AS_XLSX is true of workbooks: an .ods, an .xls and an XML of 2003 saved as .xlsx are accepted with every digit."""
    (tmp_path / "a.xlsx").write_bytes(xlsx())
    for old in ("ods", "xls", "xml"):
        if old == "xml":
            (tmp_path / "a.xml").write_bytes(xml_2003())
        else:
            _convert(tmp_path, "a.xlsx", old)
        (tmp_path / "out").mkdir(exist_ok=True)
        _convert(tmp_path, f"a.{old}", "xlsx", tmp_path / "out")
        (reading,) = read((tmp_path / "out/a.xlsx").read_bytes(), "台账.xlsx", "division", tmp_path / old)
        assert reading.refusal is None and reading.rows_read == 4
        rows = pq.read_table(str(reading.rows_path)).to_pylist()
        assert [row["id_number"] for row in rows] == [row[2] for row in ROWS]
        assert not any(row["id_number__numeric"] for row in rows)


def _convert(folder: Path, name: str, to: str, out: Path | None = None) -> None:
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", to, "--outdir",
         str(out or folder), str(folder / name)],
        check=True, capture_output=True, timeout=900,
    )  # fmt: skip
