"""Workbooks in every spelling that the standard allows are read, and marked, as the same workbook in Excel's spelling is."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from low_income import returns
from low_income.model import Reading, Refusal
from low_income.reading import layout, preflight, readers
from low_income.reading.readers import Book
from low_income.returns.package import FILLS

Parts = dict[str, bytes]
SHEET = "xl/worksheets/sheet1.xml"
TYPES = "[Content_Types].xml"
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
HEADS = ["姓名", "身份证号", "死亡日期", "备注"]


def plain(path: Path) -> Path:
    """A list of deaths as openpyxl writes it, with an error, a formula without a result, a hidden row and a wide column."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "死亡登记"
    sheet.append(HEADS)
    for at in range(1, 6):
        sheet.append([f"张三{at} <甲&乙>", f"99010119500101{at:04d}", "2026-10-01", '说"好"'])
    sheet["C3"], sheet["C4"] = "#N/A", "=1+1"
    sheet.row_dimensions[5].hidden = True
    sheet.column_dimensions["B"].width = 33
    book.save(path)
    return path


def rewritten(path: Path, change: Callable[[Parts], Parts]) -> Path:
    with zipfile.ZipFile(path) as archive:
        parts = change({name: archive.read(name) for name in archive.namelist()})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def on_sheet(change: Callable[[bytes], bytes]) -> Callable[[Parts], Parts]:
    return lambda parts: {**parts, SHEET: change(parts[SHEET])}


def renamed(change: Callable[[str], str]) -> Callable[[Parts], Parts]:
    return lambda parts: {change(name): data for name, data in parts.items()}


def in_all(*pairs: tuple[bytes, bytes]) -> Callable[[Parts], Parts]:
    def change(parts: Parts) -> Parts:
        for old, new in pairs:
            parts = {name: data.replace(old, new) for name, data in parts.items()}
        return parts

    return change


def moved_to(folder: str) -> Callable[[Parts], Parts]:
    def change(parts: Parts) -> Parts:
        own = folder.encode()
        parts = in_all((b'"/xl/', b'"/' + own), (b'"xl/', b'"' + own))(parts)
        return {re.sub(r"^xl/", folder, name): data for name, data in parts.items()}

    return change


def prefixed(data: bytes) -> bytes:
    return re.sub(rb"<(/?)([a-zA-Z])", rb"<\1x:\2", data).replace(b"xmlns=", b"xmlns:x=")


def without_places(data: bytes) -> bytes:
    return re.sub(rb'<(row|c) r="[^"]*"', rb"<\1", data)


def single_quoted(data: bytes) -> bytes:
    return re.sub(rb'="([^"<>]*)"', rb"='\1'", data)


def style_first(data: bytes) -> bytes:
    return re.sub(rb'<c (r="[^"]*") ([^/>]*)', rb"<c \2 \1", data)


def spaced(data: bytes) -> bytes:
    return re.sub(rb'<(row|c) r="([^"]*)"', rb"<\1\n  r = '\2'", data)


def hidden_by_default(data: bytes) -> bytes:
    data = re.sub(rb'<row r="([123])"', rb'<row r="\1" hidden="0"', data)
    data = re.sub(rb'<row r="([46])"', rb'<row r="\1" ht="15"', data)
    data = re.sub(rb'<row r="5"[^>]*>', rb'<row r="5">', data)
    return re.sub(rb"<sheetFormatPr[^>]*/>", rb'<sheetFormatPr defaultRowHeight="15" zeroHeight="1"/>', data)


def in_utf16(data: bytes) -> bytes:
    text = re.sub(r"^<\?xml[^>]*\?>", "", data.decode())
    return f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16")


def commented(data: bytes) -> bytes:
    return data.replace(b"<sheetData>", b"<sheetData><!-- <row r='9'> -->").replace(b"<v>", b"<v><!-- x -->", 1)


def powered(parts: Parts) -> Parts:
    return {**parts, "customXml/item1.xml": '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16")}


def typed_by_default(parts: Parts) -> Parts:
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    types = re.sub(rb'<Override PartName="/xl/workbook.xml"[^>]*/>', b"", parts[TYPES])
    return {**parts, TYPES: re.sub(rb'(Extension="xml" ContentType=)"[^"]*"', rb'\1"%s"' % kind, types)}


def without_rels_type(parts: Parts) -> Parts:
    return {**parts, TYPES: re.sub(rb'<Default Extension="rels"[^>]*/>', b"", parts[TYPES])}


STRICT = in_all(
    (MAIN, b"http://purl.oclc.org/ooxml/spreadsheetml/main"),
    (OFFICE + b"/extended-properties", b"http://purl.oclc.org/ooxml/officeDocument/relationships/extendedProperties"),
    (OFFICE, b"http://purl.oclc.org/ooxml/officeDocument/relationships"),
)
SPELLINGS: dict[str, Callable[[Parts], Parts]] = {
    "as openpyxl writes it": lambda parts: parts,
    "backslashes": renamed(lambda name: name.replace("/", "\\")),
    "leading slash": renamed(lambda name: name if name == TYPES else f"/{name}"),
    "other case": renamed(lambda name: name.replace("sheet1", "Sheet1").replace("styles", "Styles")),
    "another folder": moved_to("book/"),
    "no folder": moved_to(""),
    "relative targets": in_all((b'Target="/xl/', b'Target="')),
    "targets from where they stand": in_all((b'Target="/xl/', b'Target="./')),
    "targets over the root": in_all((b'Target="/xl/', b'Target="../xl/')),
    "small letters": on_sheet(lambda data: re.sub(rb'<c r="[^"]*"', lambda cell: cell[0].lower(), data)),
    "prefix": on_sheet(prefixed),
    "no places": on_sheet(without_places),
    "single quotes": on_sheet(single_quoted),
    "style first": on_sheet(style_first),
    "spaces": on_sheet(spaced),
    "UTF-16": on_sheet(in_utf16),
    "blanks around values": on_sheet(lambda data: re.sub(rb"<v>([^<]+)</v>", rb"<v>\n \1\t</v>", data)),
    "an error of Excel 365": in_all((b"#N/A", b"#SPILL!")),
    "an error of WPS": in_all((b"#N/A", "#名称?".encode())),
    "an error without words": in_all((b"<v>#N/A</v>", b"<v/>")),
    "a row of no height": on_sheet(
        lambda data: re.sub(rb'<row r="5"[^>]*>', rb'<row r="5" ht="0" customHeight="1">', data)
    ),
    "rows hidden by default": on_sheet(hidden_by_default),
    "comments": on_sheet(commented),
    "prefix without places in single quotes": on_sheet(lambda data: single_quoted(prefixed(without_places(data)))),
    "strict": STRICT,
    "Power Query": powered,
    "type by default": typed_by_default,
    "a state in other letters": in_all((b'state="visible"', b'state="Visible"')),
    "no type of relationships": without_rels_type,
    "macro type without macro": in_all(
        (
            b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        )
    ),
}


@pytest.fixture(params=SPELLINGS)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return rewritten(plain(tmp_path / "x.xlsx"), SPELLINGS[request.param])


def test_every_spelling_is_read_as_the_usual_one(odd: Path, tmp_path: Path) -> None:
    found, usual = readers.read(odd, "x.xlsx"), readers.read(plain(tmp_path / "y.xlsx"), "y.xlsx")
    assert isinstance(found, Book) and isinstance(usual, Book), found
    (grid,), (expected,) = found.grids, usual.grids
    assert [column.to_pylist() for column in grid.columns] == [column.to_pylist() for column in expected.columns]
    assert grid.problems == expected.problems == [(2, 2, "error_value"), (3, 2, "formula_without_value")]
    assert grid.hidden_rows.tolist() == [5]
    assert grid.sheet == "死亡登记"


def test_every_spelling_is_marked_in_place(odd: Path, tmp_path: Path) -> None:
    (reading,) = layout.read_submissions(odd, "x.xlsx", "civil_registration", {"civil_registration"}, tmp_path / "work")
    assert reading.rows_read == 5
    target = tmp_path / "copy.xlsx"
    returns.write(odd, "x.xlsx", target, [summary(reading)], issues(("死亡登记", 2, 2), ("死亡登记", 6, 3)))
    sheet = openpyxl.load_workbook(target)["死亡登记"]
    assert {sheet[place].fill.fgColor.rgb for place in ("B2", "C6")} == {FILLS[0]}
    assert sheet["B3"].fill.fgColor.rgb not in FILLS
    assert (sheet["B2"].value, sheet["A2"].value) == ("990101195001010001", "张三1 <甲&乙>")
    assert sheet.column_dimensions["B"].width == 33  # the layout is the sender's own
    row, default = sheet.row_dimensions[5], sheet.sheet_format.zeroHeight
    assert row.hidden or row.ht == 0 or (default and row.ht is None)


def summary(reading: Reading) -> returns.SubmissionSummary:
    return returns.SubmissionSummary("死亡登记", reading, 5, 3, 2, 0, "partly_accepted")


def issues(*places: tuple[str, int, int]) -> pd.DataFrame:
    said = {
        "rule": "x",
        "level": "value",
        "severity": "must_fix",
        "message": "错了。",
        "fix": "请改",
        "header": "",
        "value": "",
    }
    rows = [
        {**said, "issue_id": f"i{at}", "sheet": sheet, "row_number": row, "column": column}
        for at, (sheet, row, column) in enumerate(places)
    ]
    return pd.DataFrame(rows).astype({"row_number": "Int64", "column": "Int64"})


@pytest.mark.parametrize("name", ["another folder", "no places", "prefix", "strict", "UTF-16", "no folder"])
def test_only_an_odd_spelling_is_written_anew(tmp_path: Path, name: str) -> None:
    assert isinstance(preflight.inspect_package(plain(tmp_path / "x.xlsx")).source, Path)
    assert not isinstance(preflight.inspect_package(rewritten(tmp_path / "x.xlsx", SPELLINGS[name])).source, Path)


@pytest.mark.parametrize("encode", [lambda data: data, in_utf16], ids=["utf-8", "utf-16"])
def test_a_document_type_in_an_odd_sheet_is_refused(tmp_path: Path, encode: Callable[[bytes], bytes]) -> None:
    def declared(data: bytes) -> bytes:
        body = re.sub(rb"^<\?xml[^>]*\?>", b"", without_places(data))
        return encode(b'<!DOCTYPE x [<!ENTITY e "a">]>' + body)

    found = readers.read(rewritten(plain(tmp_path / "x.xlsx"), on_sheet(declared)), "x.xlsx")
    assert isinstance(found, Refusal) and found.code == "doctype"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["Index/Document.iwa", "Metadata/Properties.plist"], "Numbers"), (["Index.zip", "buildVersionHistory.plist"], "Numbers"),
        (["xl/workbook.bin", "xl/sharedStrings.bin"], "xlsb"), (["content.xml", "mimetype"], "OpenDocument"), (["a.txt"], "压缩包"),
    ],
)  # fmt: skip
def test_other_packages_are_refused_by_their_names(tmp_path: Path, parts: list[str], words: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    found = readers.read(tmp_path / "x.xlsx", "x.xlsx")
    assert isinstance(found, Refusal) and words in found.reason
