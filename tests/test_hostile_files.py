"""Small files that kill a spreadsheet parser: each ends in a Refusal (or is read right), within limits, and we live on."""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict
from pathlib import Path

import openpyxl
import pytest
from low_income.model import Reading, Refusal
from low_income.night import night_report
from low_income.reading import layout, sandbox

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEADERS = ["姓名", "身份证号", "死亡日期"]
PERSON = ["张三", "990101195001011234", "2026-10-01"]
CANARY = "不该出现的内容"


def row(number: int, values: list[str], first_column: str = "A") -> str:
    cells = "".join(
        f'<c r="{chr(ord(first_column) + at)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
        for at, value in enumerate(values)
    )
    return f'<row r="{number}">{cells}</row>'


GOOD = row(1, HEADERS) + row(2, PERSON)


def package(
    path: Path, rows: str = GOOD, before: str = "", after: str = "", prolog: str = "", **more: str | bytes
) -> Path:
    """A workbook of one sheet; `more` are further parts, `__` standing for a slash and `_dot_` for a point."""

    def links(kind: str, target: str) -> str:
        return f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{LINKS}/{kind}" Target="{target}"/></Relationships>'

    sheets = '<sheets><sheet name="死亡登记" sheetId="1" r:id="r1"/></sheets>'
    sheet = f'{prolog}<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'
    parts: list[tuple[str, str | bytes]] = [
        ("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'),
        ("_rels/.rels", links("officeDocument", "xl/workbook.xml")),
        ("xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">{sheets}</workbook>'),
        ("xl/_rels/workbook.xml.rels", links("worksheet", "worksheets/sheet1.xml")),
        ("xl/worksheets/sheet1.xml", f'<?xml version="1.0"?>{sheet}'),
        *((name.replace("__", "/").replace("_dot_", "."), content) for name, content in more.items()),
    ]  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return path


def read(path: Path, name: str = "死亡登记.xlsx") -> Reading:
    """Through the sandbox; at the end a good file must still be read by this very process."""
    readings = layout.read_file(path, name, "civil_registration", {"civil_registration"}, path.parent / "work")
    assert len(readings) == 1
    return readings[0]


def code(path: Path, name: str = "死亡登记.xlsx") -> str:
    reading = read(path, name)
    assert reading.refusal, "should have been refused"
    assert reading.refusal.reason and reading.refusal.fix
    assert reading.rows_path is None
    return reading.refusal.code


def test_the_crafted_workbook_is_good_as_such(tmp_path: Path) -> None:
    reading = read(package(tmp_path / "x"))
    assert (reading.kind, reading.rows_read, reading.refusal) == ("death_notice", 1, None)


@pytest.mark.parametrize("part", ["xl__worksheets__sheet2_dot_xml", "xl__comments1_dot_xml"])
def test_a_bomb_in_any_part_is_refused_unopened(tmp_path: Path, part: str) -> None:
    path = package(tmp_path / "x", **{part: b"<a>" + b" " * 60_000_000 + b"</a>"})
    assert path.stat().st_size < 100_000
    assert code(path) == "zip_bomb"


def test_millions_of_empty_rows_in_a_small_file_are_refused(tmp_path: Path) -> None:
    assert code(package(tmp_path / "x", rows=GOOD + "<row/>" * 10_000_000)) == "zip_bomb"


def test_too_many_parts(tmp_path: Path) -> None:
    assert code(package(tmp_path / "x", **{f"xl__media__{n}_dot_bin": b"" for n in range(2100)})) == "zip_bomb"


@pytest.mark.parametrize(
    "far",
    [
        '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>',
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1048576"><c r="H1048576"><v>1</v></c></row>',
    ],
)
def test_cells_far_apart_are_refused_by_name(tmp_path: Path, far: str) -> None:
    reading = read(package(tmp_path / "x", rows=GOOD + far))
    assert reading.refusal
    assert reading.refusal.code == "far_cells"
    assert "1048576" in reading.refusal.reason


def test_a_wide_cell_above_a_long_list_is_refused(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="XFD1"><v>1</v></c></row>' + "".join(row(n, PERSON) for n in range(2, 2000))
    assert code(package(tmp_path / "x", rows=rows)) == "far_cells"


def test_formatted_emptiness_far_away_is_no_content(tmp_path: Path) -> None:
    empty = "".join(f'<row r="{n}" s="1"><c r="A{n}" s="1"/><c r="XFD{n}" s="1"/></row>' for n in range(3, 30_000))
    reading = read(package(tmp_path / "x", rows=GOOD + empty))
    assert (reading.rows_read, reading.sheets[0].rows_left_out) == (1, {})


@pytest.mark.parametrize(
    "rows",
    [
        row(1, HEADERS) + '<row r="2147483000"><c r="A2147483000" t="inlineStr"><is><t>x</t></is></c></row>',
        '<row r="99999999999999999"><c r="A99999999999999999"><v>1</v></c></row>',
        GOOD + '<row r="3"><c r="ZZZZZZ3"><v>1</v></c></row>',
        '<row r="3"><c r="A-3"><v>1</v></c><c r=""><v>1</v></c></row>',
        GOOD + '<row r="3"><c r="A3" t="s"><v>77</v></c></row>',
        "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'><v>1</v></c></row>",
        '<row r="1"><c r="A2147483000"><v>1</v></c></row>',
    ],
)
def test_references_that_cannot_be_end_in_a_refusal(tmp_path: Path, rows: str) -> None:
    assert code(package(tmp_path / "x", rows=rows)) in {
        "bad_reference",
        "far_cells",
        "corrupt",
        "unreadable",
        "too_big",
        "unrecognised",
    }


ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "prolog",
    [
        f'<!DOCTYPE x [<!ENTITY l0 "lol">{ENTITIES}]>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        f"<!--{' ' * 5_000_000}--><!DOCTYPE x []>",
    ],
)
def test_a_document_type_in_a_sheet_is_refused(tmp_path: Path, prolog: str) -> None:
    assert code(package(tmp_path / "x", prolog=prolog)) == "doctype"


def test_a_document_type_in_another_part_is_refused(tmp_path: Path) -> None:
    assert code(package(tmp_path / "x", xl__styles_dot_xml="<!DOCTYPE x []><styleSheet/>")) == "doctype"


def test_a_part_in_another_width_of_characters_is_refused(tmp_path: Path) -> None:
    assert (
        code(package(tmp_path / "x", xl__styles_dot_xml="<!DOCTYPE x []><styleSheet/>".encode("utf-16"))) == "doctype"
    )


def test_one_merge_over_the_whole_sheet_is_read(tmp_path: Path) -> None:
    after = '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    reading = read(package(tmp_path / "x", after=after))
    assert (reading.kind, reading.rows_read) == ("death_notice", 1)


def test_many_merges_over_each_other_are_read_or_refused(tmp_path: Path) -> None:
    after = "<mergeCells>" + '<mergeCell ref="A2:A1048576"/>' * 20_000 + "</mergeCells>"
    reading = read(package(tmp_path / "x", after=after))
    assert reading.rows_read == 1 or reading.refusal


@pytest.mark.parametrize("dimension", ["A1", "A1:XFD1048576", "C3:C3", "A1:A2147483000", "nonsense"])
def test_a_dimension_that_lies_hides_nobody(tmp_path: Path, dimension: str) -> None:
    rows = row(1, HEADERS) + "".join(row(n, PERSON) for n in range(2, 12))
    reading = read(package(tmp_path / "x", rows=rows, before=f'<dimension ref="{dimension}"/>'))
    assert reading.refusal or reading.rows_read == 10
    if dimension != "nonsense" and "2147483000" not in dimension:
        assert reading.rows_read == 10


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name",
    ["xl/worksheets/sheet1.xml", "xl/worksheets/SHEET1.xml", "/xl/worksheets/sheet1.xml", "XL\\worksheets\\sheet1.xml"],
)
def test_a_part_written_twice_is_refused(tmp_path: Path, name: str) -> None:
    assert code(package(tmp_path / "x", **{name: f'<worksheet xmlns="{MAIN}"/>'})) == "duplicate_part"


@pytest.mark.parametrize("part", ["xl__vbaProject_dot_bin", "xl__macrosheets__sheet1_dot_xml"])
def test_macros_are_refused_whatever_the_name(tmp_path: Path, part: str) -> None:
    assert code(package(tmp_path / "x", **{part: b"<a/>"})) == "macro"


def test_an_external_link_is_told_and_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xlsx"
    secret.write_text(CANARY)
    link = f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="x" Target="file://{secret}" TargetMode="External"/></Relationships>'
    path = package(tmp_path / "x", xl__externalLinks___rels__externalLink1_dot_xml_dot_rels=link)
    reading = read(path)
    assert reading.rows_read == 1
    assert any("没有打开" in notice for notice in reading.notices)
    assert CANARY not in str(reading)


def test_a_relationship_that_leaves_the_package_reaches_nothing(tmp_path: Path) -> None:
    (tmp_path / "sheet1.xml").write_text(f'<worksheet xmlns="{MAIN}"><sheetData>{GOOD}</sheetData></worksheet>')
    rels = (
        f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{LINKS}/worksheet" '
        f'Target="../../../../{tmp_path}/sheet1.xml"/></Relationships>'
    )
    path = package(tmp_path / "x")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "y", "w") as new:
        for name in old.namelist():
            new.writestr(name, rels if name.endswith("workbook.xml.rels") else old.read(name))
    assert read(tmp_path / "y").refusal


def test_encrypted_entries_are_a_password(tmp_path: Path) -> None:
    data = bytearray(package(tmp_path / "x").read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    (tmp_path / "x").write_bytes(data)
    assert code(tmp_path / "x") == "password"


def test_every_cut_of_an_upload_is_refused(tmp_path: Path) -> None:
    data = package(tmp_path / "x").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "cut").write_bytes(data[: int(len(data) * share)])
        assert code(tmp_path / "cut") == "corrupt"


def test_a_flipped_byte_in_a_sheet_is_refused(tmp_path: Path) -> None:
    data = bytearray(package(tmp_path / "x").read_bytes())
    at = data.index(b"xl/worksheets/sheet1.xml") + 60
    data[at] ^= 0xFF
    (tmp_path / "x").write_bytes(data)
    assert code(tmp_path / "x") == "corrupt"


def test_a_size_that_lies_is_refused(tmp_path: Path) -> None:
    data = bytearray(package(tmp_path / "x", rows=GOOD * 1 + "<row/>" * 1000).read_bytes())
    at = data.rindex(b"xl/worksheets/sheet1.xml") - 46 + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    (tmp_path / "x").write_bytes(data)
    assert code(tmp_path / "x") == "corrupt"


def test_a_broken_old_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 20)
    assert code(tmp_path / "x.xls", "x.xls") == "corrupt"


@pytest.mark.parametrize(
    "data",
    [
        b"\xe5\xa7\x93\xe5\x90\x8d,\xe8\xba\xab\n" + b'"' + b"x" * 3_000_000,
        b"," * 2_000_000 + b"\n" * 10,
        b"a,b\n" + b"," * 1_000_000 + b"\n" + b"1,2\n" * 100_000,
        b"\n" * 3_000_000 + b"a",
        b'"\n' * 500_001,
        b"\xff\xfe" + b"\x00\xd8" * 1000,
    ],
)
def test_hostile_text_is_refused_or_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(data)
    assert code(tmp_path / "x.csv", "x.csv")


def test_memory_of_a_small_file_is_limited_whatever_it_claims(tmp_path: Path) -> None:
    small = package(tmp_path / "x", xl__comments1_dot_xml=b" " * 60_000_000)
    memory, seconds = layout.limits(small)
    assert (memory, seconds) == (1024, 20)
    assert layout.limits(small, memory_mb=512, seconds=30) == (512, 10)
    assert layout.limits(small, memory_mb=8192, seconds=900) == (8192, 300)


def test_what_the_bureau_allows_is_what_reading_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int]] = []

    def call(*words: object, memory_mb: int, seconds: int) -> list[Reading]:
        taken.append((memory_mb, seconds))
        return []

    monkeypatch.setattr(layout.sandbox, "call", call)
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n")
    layout.read_file(tmp_path / "a.csv", "a.csv", "d01", {"division"}, tmp_path, memory_mb=300, seconds=90)
    assert taken == [(300, 30)]


def test_a_large_workbook_may_take_more_in_proportion(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as stream:
        stream.truncate(145_000_000)  # a hole: large for the limits, nothing on disk
        stream.seek(0, io.SEEK_END)
        with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("a", b"x" * 200_000_000)
    memory, seconds = layout.limits(tmp_path / "x")
    assert 1250 < memory < 1450
    assert 150 < seconds < 170


def test_what_dies_inside_the_parser_leaves_no_rows_behind(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    openpyxl.Workbook().save(buffer)
    (tmp_path / "x").write_bytes(buffer.getvalue())
    assert code(tmp_path / "x") == "empty"
    assert not list((tmp_path / "work").glob("*")) if (tmp_path / "work").exists() else True


def test_a_fault_of_ours_is_told_to_the_data_officer_and_not_blamed_on_the_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*words: object, **more: object) -> list[Reading]:
        raise sandbox.Killed("crash", "PanicException readers.py:202")

    monkeypatch.setattr(layout.sandbox, "call", call)
    refusal = read(package(tmp_path / "x")).refusal
    assert refusal and refusal.code == "unreadable"
    assert "Panic" not in refusal.reason + refusal.fix and ".py" not in refusal.reason + refusal.fix
    assert "我们的程序的问题" in refusal.reason
    assert Refusal.from_json(asdict(refusal)) == refusal
    line = {"reason": refusal.reason, "fix": refusal.fix, "fault": refusal.fault, "submission_id": "s1"}
    assert "给开发者：PanicException readers.py:202，submission_id s1" in night_report._because(line)
