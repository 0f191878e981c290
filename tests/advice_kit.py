"""Files that are refused, each with the advice that its refusal gives: CASES."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from lxml import html

from tests import biff_kit, dbf_kit
from tests.container_kit import compound, zipped
from tests.damage_kit import person_number

HEADER = ["申请编号", "申请人姓名", "申请人身份证号", "救助类型", "困难类型", "受理日期", "居住地"]


ROWS = [[f"GK{n:03}", f"张三{n}", person_number(n), "急难型", "疾病", "2026-09-05", f"南街{n}号"] for n in range(1, 5)]


TABLE = [HEADER, *ROWS]


ROSTER = ["姓名", "身份证号", "户主身份证号", "与户主关系"]


Rows = Sequence[Sequence[str]]


def xlsx(*pages: Rows, state: str = "visible") -> bytes:
    """A workbook of text cells; `state` of its first sheet."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for rows in pages or (TABLE,):
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(list(row))
    if state != "visible":
        book.create_sheet("空白")
        book.worksheets[0].sheet_state = state
        book.active = 1
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def chart_alone() -> bytes:
    """A workbook without a worksheet."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(written) as book:
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "={1,2,3}"})
        book.add_chartsheet("图").set_chart(chart)
    return written.getvalue()


GARBLED = [[row[0], name, *row[2:]] for row, name in zip(ROWS, ["张三丰", "李四光", "王五一", "赵六安"], strict=True)]


def garbled(name: str) -> str:
    """A name whose bytes of UTF-8 were read as GBK."""
    return name.encode().decode("gb18030", "replace")


def text(rows: Rows = TABLE, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return written.getvalue().encode(encoding)


def with_part(data: bytes, name: str, content: str) -> bytes:
    """A workbook with a further part, or one part written twice."""
    whole = io.BytesIO(data)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return whole.getvalue()


def with_change(data: bytes, name: str, old: str, new: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(written, "w") as after:
        for part in before.namelist():
            content = before.read(part)
            after.writestr(part, content.replace(old.encode(), new.encode(), 1) if part == name else content)
    return written.getvalue()


def page(rows: Rows = TABLE) -> bytes:
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<html><meta charset='utf-8'><table>{cells}</table></html>".encode()


def copied_from(web_page: bytes) -> bytes:
    """The table of a page, pasted as text into cells that are text."""
    tree = html.fromstring(web_page.decode())
    return xlsx([[str(cell.text_content()) for cell in row.iter("td")] for row in tree.iter("tr")])


def xml_2003(rows: Rows = TABLE, kind: str = "String") -> bytes:
    """A workbook in the XML of Excel 2003; `kind` of the cells with a number of a person."""
    cells = "".join(
        "<Row>" + "".join(
            f'<Cell><Data ss:Type="{kind if len(cell) == 18 else "String"}">{cell}</Data></Cell>' for cell in row
        ) + "</Row>"
        for row in rows
    )  # fmt: skip
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        f'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="{space}" xmlns:ss="{space}">'
        f'<Worksheet ss:Name="台账"><Table>{cells}</Table></Worksheet></Workbook>'
    ).encode()


def imported(data: bytes, encoding: str) -> bytes:
    """Text imported with its encoding, every column as text."""
    return xlsx(list(csv.reader(io.StringIO(data.decode(encoding, "ignore")))))


def table(version: int = 0x03, **more: int) -> bytes:
    columns = [(name[:5], "C", 24) for name in HEADER]
    return dbf_kit.table(columns, ROWS, version=version, **more)  # type: ignore[arg-type]


def parquet() -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table({name: [row[at] for row in ROWS] for at, name in enumerate(HEADER)}), written)
    return written.getvalue()


@dataclass(frozen=True)
class Case:
    """A file that is refused with a code and an advice, and what the advice makes of it; names say the format."""

    code: str
    said: str
    spoilt: Callable[[], bytes]
    mended: Callable[[], bytes]
    name: str = "台账.xlsx"
    new_name: str = "台账.xlsx"
    kinds: str = "division"
    new_kinds: str = "division"
    rows: int = 4


QUOTED = text().replace(b"\xe5\xbc\xa0\xe4\xb8\x893", b'"\xe5\xbc\xa0\xe4\xb8\x893', 1)


BAD = text(encoding="gb18030").replace("南街2号".encode("gb18030"), b"\x81\x20\xff\xff", 1)


WRONG_MONTHS = [["数据月份", *ROSTER], ["2026-09", "张三", person_number(1), person_number(1), "户主"],
                ["2026-10", "李四", person_number(2), person_number(2), "户主"]]  # fmt: skip


CASES = [
    Case("wps", "SAVE_AS_XLSX", lambda: biff_kit.workbook({"Sheet1": TABLE}), xlsx, name="台账.et"),
    Case("not_a_table", "SAVE_AS_XLSX", lambda: zipped("mimetype", "content.xml"), xlsx, name="台账.ods"),
    Case("not_a_table", "SAVE_AS_XLSX", lambda: zipped("xl/workbook.bin"), xlsx, name="台账.xlsb"),
    Case("duplicate_part", "SAVE_AS_XLSX", lambda: with_part(xlsx(), "XL/workbook.xml", "<x/>"), xlsx),
    Case("doctype", "SAVE_AS_XLSX", lambda: with_part(xlsx(), "xl/worksheets/sheet9.xml", "<!DOCTYPE x><x/>"), xlsx),
    Case("macro", "SAVE_WITHOUT_MACROS", lambda: with_part(xlsx(), "xl/vbaProject.bin", "x"), xlsx),
    Case("zip_bomb", "PASTE_INTO_NEW", lambda: with_part(xlsx(), "xl/media/x.xml", "0" * 60_000_000), xlsx),
    Case("password", "UNLOCK", lambda: compound("EncryptionInfo", "EncryptedPackage"), xlsx),
    Case("far_cells", "REMOVE_FAR_CELLS", lambda: with_change(
        xlsx(), "xl/worksheets/sheet1.xml", "</sheetData>",
        '<row r="900000"><c r="ZZ900000" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'), xlsx),
    Case("bad_reference", "SAVE_AS_XLSX", lambda: with_change(
        xlsx(), "xl/worksheets/sheet1.xml", "</sheetData>",
        '<row r="9000000"><c r="A9000000" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'), xlsx),
    Case("empty", "CHECK_CONTENT", lambda: b"", xlsx),
    Case("corrupt", "SEND_AGAIN", lambda: xlsx()[:-200], xlsx),
    Case("corrupt", "SAVE_AS_XLSX", lambda: compound("Workbook"), xlsx, name="台账.xls"),
    Case("no_sheets", "CHECK_CONTENT", chart_alone, xlsx),
    Case("dbf_version", "EXPORT_AS_XLSX", lambda: table(0x04), xlsx, name="台账.dbf"),
    Case("not_text", "EXPORT_AS_XLSX", lambda: dbf_kit.table([("姓名", "C", 200)], [(bytes(range(200)),)]), xlsx, name="台账.dbf"),
    Case("not_a_table", "EXPORT_AS_XLSX", parquet, xlsx, name="台账.parquet"),
    Case("not_a_table", "EXPORT_AS_XLSX", lambda: b"abc\0\1\2\3def", xlsx, name="台账.csv"),
    Case("truncated", "EXPORT_AGAIN", lambda: table(count=9), table, name="台账.dbf", new_name="台账.dbf"),
    Case("encoding", "IMPORT_TEXT", lambda: b"\xff" * 40 + BAD, lambda: imported(BAD, "gb18030"), name="台账.csv"),
    Case("separator", "EXPORT_WITH_COMMAS", lambda: text(delimiter="\uff0c"), text, name="台账.csv", new_name="台账.csv"),
    Case("separator", "EXPORT_WITH_COMMAS", lambda: text(delimiter="\1"), lambda: text(delimiter="\t"), name="台账.txt", new_name="台账.txt"),
    Case("separator", "EXPORT_WITH_COMMAS", lambda: text().replace(b",", b"    "), xlsx, name="台账.txt"),
    Case("encoding", "IMPORT_TEXT", lambda: text(encoding="utf-32"), lambda: imported(text(), "utf-8"), name="台账.txt"),
    Case("garbled", "CHECK_ENCODING", lambda: xlsx([HEADER, *([row[0], garbled(row[1]), *row[2:]] for row in GARBLED)]), xlsx),
    Case("not_a_table", "EXPORT_FROM_NUMBERS", lambda: zipped("Index/Document.iwa"), xlsx, name="台账.numbers"),
    Case("web_page", "FROM_WEB_PAGE", page, lambda: copied_from(page()), name="台账.xls"),
    Case("xml_workbook", "SAVE_AS_XLSX", xml_2003, xlsx, name="台账.xls"),
    Case("xml_workbook", "EXPORT_AS_XLSX", lambda: xml_2003(kind="Number"), xlsx, name="台账.xls"),
    Case("encoding", "IMPORT_TEXT", lambda: "申請編號,申請人姓名,身分證號碼\n".encode("cp950") * 9,
         lambda: imported(text(), "utf-8"), name="台账.csv"),
    Case("not_a_table", "FROM_DOCUMENT", lambda: b"%PDF-1.7 x", xlsx, name="台账.pdf"),
    Case("not_a_table", "FROM_DOCUMENT", lambda: zipped("word/document.xml"), xlsx, name="台账.docx"),
    Case("not_a_table", "UNPACK", lambda: zipped("台账.xlsx"), xlsx, name="台账.zip"),
    Case("too_wide", "SPLIT_COLUMNS", lambda: b"," * 3000 + b"\n" + text(), text, name="台账.csv", new_name="台账.csv"),
    Case("unpaired_quote", "mend_quote", lambda: QUOTED, lambda: QUOTED.replace(b'"', b""), name="台账.csv", new_name="台账.csv"),
    Case("unrecognised", "NAME_COLUMNS", lambda: xlsx([["申请编号", "救助类型", *HEADER[4:]], *ROWS]), xlsx),
    Case("unrecognised", "WRITE_HEADER", lambda: xlsx([["甲", "乙"], *[[row[6], "一"] for row in ROWS]]), xlsx),
    Case("wrong_sender", "ANOTHER_SENDER", xlsx, xlsx, kinds="medical_insurance"),
    Case("duplicate_column", "KEEP_ONE_COLUMN", lambda: xlsx([[*row, row[2]] for row in TABLE]), xlsx),
    Case("two_tables", "SEPARATE_TABLES", lambda: xlsx([*TABLE, [], ROSTER, ["李四", *[person_number(9)] * 2, "户主"]]),
         lambda: xlsx(TABLE)),
    Case("no_rows", "FILL_ROWS", lambda: xlsx([HEADER]), xlsx),
    Case("no_period", "NAME_MONTH", lambda: xlsx([ROSTER, *[row[1:] for row in WRONG_MONTHS[1:]]]),
         lambda: xlsx([["2026年10月低保人员"], ROSTER, *[row[1:] for row in WRONG_MONTHS[1:]]]), name="低保人员.xlsx",
         new_name="低保人员.xlsx", rows=2),
    Case("no_period", "WRITE_MONTH", lambda: xlsx([["低保人员"], WRONG_MONTHS[0], ["上月", *WRONG_MONTHS[1][1:]]]),
         lambda: xlsx([["低保人员"], WRONG_MONTHS[0], ["2026-10", *WRONG_MONTHS[1][1:]]]), rows=1),
    Case("several_periods", "ONE_MONTH_EACH", lambda: xlsx([["低保人员"], *WRONG_MONTHS]),
         lambda: xlsx([["低保人员"], *WRONG_MONTHS[:2]]), rows=1),
    Case("hidden_sheet", "SHOW_SHEET", lambda: xlsx(TABLE, state="hidden"), xlsx),
    Case("hidden_sheet", "SHOW_VERY_HIDDEN_SHEET", lambda: xlsx(TABLE, state="veryHidden"), xlsx),
    Case("side_by_side", "MOVE_TABLE_TO_SHEET", lambda: xlsx([[*row, "", *row] for row in TABLE[:3]]),
         lambda: xlsx(TABLE[:3], [HEADER, *ROWS[2:]])),
    Case("side_by_side", "MOVE_TABLE_TO_FILE", lambda: text([[*row, "", *row] for row in TABLE[:3]]), lambda: text(TABLE[:3]),
         name="台账.csv", new_name="台账.csv", rows=2),
    Case("unrecognised", "JOIN_HEADER", lambda: xlsx([HEADER[:1], ["", "甲"], ["", "乙"], ["", "丙"], ["", *HEADER[1:]], *ROWS]), xlsx),
    Case("unrecognised", "EXPORT_AS_READ", lambda: text([["甲", "乙"], ["1", "2"]]), text, name="台账.tsv", new_name="台账.csv"),
    Case("password", "EXPORT_UNLOCKED", lambda: table()[:15] + b"\1" + table()[16:], table, name="台账.dbf", new_name="台账.dbf"),
    Case("password", "UNLOCK_OLD", lambda: biff_kit.workbook({"Sheet1": TABLE}, is_encrypted=True), xlsx, name="台账.xls"),
    Case("refused_sheet_name", "RENAME_SHEET", lambda: with_change(xlsx(), "xl/workbook.xml", 'name="Sheet"', 'name="信教人员"'), xlsx),
    Case("wrong_ending", "add_ending", text, text, name="台账.tsv", new_name="台账.tsv.txt"),
    Case("never_a_list", "GIVE_NAME_OF_LIST", xlsx, xlsx, name="台账.xlsx.bak"),
    Case("never_a_list", "SEND_TABLE_ITSELF", lambda: bytes(512), table, name="台账.fpt", new_name="台账.dbf"),
    Case("never_a_list", "SEND_WHOLE", xlsx, xlsx, name="台账.xlsx.filepart"),
]  # fmt: skip
"""Where an advice offers two ways, the one within the sender's reach is gone."""
