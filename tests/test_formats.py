"""One roster in every format that is taken: the same people come in, and every sender gets a workbook back."""

from __future__ import annotations

from pathlib import Path

import openpyxl
from low_income.night import run

from tests import biff_kit, dbf_kit
from tests import night_kit as kit

ROWS = [kit.person(serial) for serial in (1, 2, 3)]
BAD = ("某坏", kit.number(5)[:-1] + "?", kit.number(1), "子", "100", "2026-10")


def text(delimiter: str) -> str:
    return "\r\n".join(delimiter.join(row) for row in [kit.PERSON, *ROWS, BAD]) + "\r\n"


def test_every_format_brings_the_same_people_and_goes_back_as_a_workbook(tmp_path: Path) -> None:
    home = kit.new_home(tmp_path / "home")
    columns = [(name, "C", 30) for name in kit.PERSON]
    files = {
        "d01/边缘.xls": biff_kit.workbook({"Sheet1": [kit.PERSON, *ROWS, BAD]}),
        "d02/边缘.csv": text(",").encode("utf-8-sig"),
        "d03/边缘.txt": text("\t").encode("utf-16"),
        "d04/边缘.txt": text("|").encode("gbk"),
        "d05/边缘.csv": text(";").encode("gb18030"),
        "d06/边缘.dbf": dbf_kit.table(columns, [*ROWS[:1], ("已删", *BAD[1:]), *ROWS[1:], BAD], deleted=[1]),
    }
    for name, data in files.items():
        path = home / "inbox" / name
        path.write_bytes(data)
        kit.still(path)
    run.night(home, kit.DAY)

    found = kit.ask(
        home, "select unit_code, status, rows_read, rows_accepted, rows_set_aside from submission order by 1"
    )
    assert found == [(name[:3], "partly_accepted", 4, 3, 1) for name in files]
    people = {
        unit: set(kit.ask(home, "select person_id from record_link where submission_id in"
                          " (select submission_id from submission where unit_code = ?)", unit))
        for unit in sorted(name[:3] for name in files)
    }  # fmt: skip
    assert len(people["d01"]) == 3
    assert set(map(frozenset, people.values())) == {frozenset(people["d01"])}
    # Row 5 is the fourth person's: in the table one record above it is deleted.
    rows = dict(kit.ask(home, "select unit_code, row from validation_issue where rule like 'id_number%'"))
    assert rows == {name[:3]: 5 + name.endswith(".dbf") for name in files}
    for name in files:
        pages = openpyxl.load_workbook(home / "returns" / Path(name).with_suffix(".xlsx"))
        assert pages.sheetnames[0] == "问题清单"
        cells = {str(cell.value): cell.row for row in pages[pages.sheetnames[1]] for cell in row}
        assert cells[BAD[1]] == rows[name[:3]]
