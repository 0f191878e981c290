"""Text files as programs write them, whole: short and long lines, encodings, torn characters, what is nobody, what is no text."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from low_income import advice
from low_income.reading import delimited, layout, readers
from low_income.reading.readers import Book

from tests.damage_kit import judged, person_number, sheet

GRANT = [
    "申请编号", "申请人姓名", "申请人身份证号", "救助类型", "困难类型", "受理日期", "发放日期", "救助金额", "所属街道", "居住地",
]  # fmt: skip
NAMES = [
    "张三丰",
    "买买提·艾力江",
    "王小明",
    "朱镕基",
    "李四光",
    "欧阳修",
    "陈喆",
    "赵云",
    "孙尚香",
    "周瑜",
    "吴用",
    "郑和",
    "冯唐",
    "褚遂良",
]


def person(serial: int) -> list[str]:
    return [
        f"GK{serial:06d}", NAMES[serial % len(NAMES)], person_number(serial), "支出型", "疾病", "2026-09-02", "2026-10-02", "901",
        "北营镇", f"北营镇样例路{serial}号平房东边第二户",
    ]  # fmt: skip


def rows(count: int) -> list[list[str]]:
    return [person(serial) for serial in range(count)]


def everybody(count: int) -> list[str]:
    return [person_number(serial) for serial in range(count)]


def text(lines: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(lines)
    return out.getvalue()


class Read:
    """What was read of one file, before it is judged."""

    def __init__(self, path: Path) -> None:
        senders = {"division", "civil_registration"}
        (reading,) = layout.read_submissions(path, path.name, "d01", senders, path.parent / "work")
        self.refusal, self.notices = reading.refusal, "\n".join(reading.notices)
        self.rows = pq.read_table(reading.rows_path).to_pylist() if reading.rows_path else []
        self.problems = {(each.row_number, each.field): each.problem for each in reading.cell_problems}
        self.left_out = reading.sheets[0].rows_left_out if reading.sheets else {}

    def values(self, field: str) -> list[Any]:
        assert self.refusal is None, self.refusal
        return [row[field] for row in self.rows]


def save(tmp_path: Path, data: bytes | str, name: str = "台账.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data.encode("gb18030") if isinstance(data, str) else data)
    return path


def read(tmp_path: Path, data: bytes | str, name: str = "台账.csv") -> Read:
    return Read(save(tmp_path, data, name))


def numbers(found: Read) -> list[str]:
    assert found.problems == {}
    return [value.strip() for value in found.values("id_number")]


# Short and long lines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("count", [5, 40])
@pytest.mark.parametrize("has_quotes", [False, True])
def test_missing_last_fields_are_blank(tmp_path: Path, delimiter: str, count: int, has_quotes: bool) -> None:
    lines = rows(count)
    for at, line in enumerate(lines):
        if has_quotes and at % 3 == 0:
            line[9] = f"一连{delimiter}二号"
        if at % 2:
            del line[7 + at % 3 :]
    found = read(tmp_path, text([GRANT, *lines], delimiter))
    assert numbers(found) == everybody(count)
    for column, field in ((7, "amount_fen"), (8, "township"), (9, "current_address")):
        assert found.values(field) == [line[column] if column < len(line) else None for line in lines]
    assert found.values("row_number") == list(range(2, count + 2))


def test_a_file_with_short_lines_is_still_read_by_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*words: object) -> None:
        raise AssertionError("read line by line")

    monkeypatch.setattr(delimited, "_exact", never)
    lines = [line[: 6 + at % 5] for at, line in enumerate(rows(40))]
    lines[20] += [""] * 9
    assert numbers(read(tmp_path, text([GRANT, *lines]))) == everybody(40)


def test_a_row_is_set_aside_only_when_a_required_field_is_missing(tmp_path: Path) -> None:
    lines = rows(5)
    del lines[2][5:], lines[3][6:]
    outcome = judged(save(tmp_path, text([GRANT, *lines])))
    assert outcome.aside == {("", 4): "accepted_on.blank"}
    assert len(outcome.accepted) == 4


def test_a_short_last_line_that_nothing_ends_is_a_broken_upload(tmp_path: Path) -> None:
    lines = rows(20)
    del lines[-1][8:]
    whole = text([GRANT, *lines])
    assert numbers(read(tmp_path, whole)) == everybody(20)
    outcome = judged(save(tmp_path, whole.removesuffix("\r\n")))
    assert outcome.aside == {("", 21): "id_number.cut_line"}
    assert "没有传完" in outcome.issues[-1]["message"]
    assert outcome.values("id_number") == everybody(19)


@pytest.mark.parametrize("end", ["", "\x1a", "\r\n\x1a", "\r\n\0\0"])
def test_a_whole_last_line_needs_no_end_and_old_marks_are_none_of_the_text(tmp_path: Path, end: str) -> None:
    assert numbers(read(tmp_path, text([GRANT, *rows(20)]).removesuffix("\r\n") + end)) == everybody(20)


@pytest.mark.parametrize("count", [5, 40])
def test_fields_beyond_the_header_matter_only_with_something_in_them(tmp_path: Path, count: int) -> None:
    lines = rows(count)
    lines[1] += ["", " ", "\u3000"]
    lines[2] += ["x"]
    lines[3][9:] = ["一连", "二号"]
    found = read(tmp_path, text([GRANT, *lines]))
    assert found.problems == {(4, "id_number"): "ragged_line", (5, "id_number"): "ragged_line"}
    assert found.values("id_number") == everybody(count)


@pytest.mark.parametrize("count", [5, 40])
@pytest.mark.parametrize("has_all", [False, True])
def test_a_header_that_ends_in_empty_fields(tmp_path: Path, count: int, has_all: bool) -> None:
    lines = [line + [""] * 3 * has_all for line in rows(count)]
    assert numbers(read(tmp_path, text([GRANT + [""] * 3, *lines]))) == everybody(count)


def test_a_short_row_of_several_lines(tmp_path: Path) -> None:
    lines = rows(20)
    lines[9][8:] = ["北营镇", "一连\n二号"]
    lines[10] = lines[10][:9]
    found = read(tmp_path, text([[*GRANT, "备注"], *lines]))
    assert numbers(found) == everybody(20)
    assert found.values("row_number")[9:12] == [11, 13, 14]


# Lines that are nobody -------------------------------------------------------------------------------------------

RULER = ["-" * (4 + at) for at in range(10)]
COUNTED = [
    "(4 rows affected)", "(4 行受影响)", "(4 行)", "(4 rows)", "(1 row)", "4 rows selected.", "已选择4行。", "已选择 4 行。",
    "(受影响的行数: 4)", "4 rows in set (0.00 sec)", "4 record(s) selected.", "(4 行记录)", "共 4 条记录", "共4条", "记录数:4",
    "已选择 1,204 行。", "no rows selected", "SQL> spool off", "已用时间: 00: 00: 00.03", "Completion time: 2026-10-31T08:00",
    "完成时间: 2026-10-31T08:00",
]  # fmt: skip
PAGED = [
    "第 2 页 共 5 页", "第2页,共5页", "续表", "(续表)", "续上表", "接上页", "Page 2 of 5", "- 2 -", "2/5", "第二页",
    "共5页 第2页", "转下页", "第2页/共5页",
]  # fmt: skip


def test_what_programs_add_is_nobody(tmp_path: Path) -> None:
    said = "\r\n".join([*COUNTED, *PAGED]) + "\r\n"
    found = read(tmp_path, text([GRANT, *rows(6)[:3]]) + said + text(rows(6)[3:]) + "\r\n" + said)
    assert numbers(found) == everybody(6)
    assert found.left_out == {"blank": 1, "page_line": 2 * len(PAGED), "row_count": 2 * len(COUNTED)}


def test_pages_of_sqlplus(tmp_path: Path) -> None:
    pages = [text([GRANT, RULER, *rows(30)[at : at + 10]]) + "\r\n" for at in (0, 10, 20)]
    found = read(tmp_path, "\r\n" + "".join(pages) + "已选择30行。\r\n")
    assert numbers(found) == everybody(30)
    assert found.left_out == {"blank": 3, "repeated_header": 2, "row_count": 1, "ruler": 3}


def test_tables_of_psql_and_mysql(tmp_path: Path) -> None:
    lines = [GRANT, *rows(20)]
    psql = [" | ".join(line) for line in lines]
    psql.insert(1, "-+-".join("-" * len(cell) for cell in GRANT))
    assert numbers(read(tmp_path, "\n".join([*psql, "（20 行）", ""]), "psql.txt")) == everybody(20)
    box = "+" + "+".join("-" * 8 for _ in GRANT) + "+"
    mysql = [box, "| " + " | ".join(GRANT) + " |", box, *("| " + " | ".join(line) + " |" for line in lines[1:]), box]
    found = read(tmp_path, "\n".join([*mysql, "20 rows in set (0.01 sec)", ""]), "mysql.txt")
    assert numbers(found) == everybody(20)
    assert found.left_out == {"row_count": 1, "ruler": 2}


def test_a_title_printed_again_on_each_page(tmp_path: Path) -> None:
    title = "2026年10月临时救助台账"
    last = ["续表", "", "", "第 2 页 共 5 页"]
    found = read(tmp_path, text([[title], GRANT, *rows(6)[:3], [title + "(续)"], GRANT, *rows(6)[3:], last]))
    assert numbers(found) == everybody(6)
    assert found.left_out == {"page_line": 1, "repeated_header": 2}


PADDED = [
    ["临时救助台账（续）"], ["临时救助台账(续表)"], ["临时救助台账(续1)"], ["临时救助台账续表"], ["续表:临时救助台账"], ["续表一"], ["(续)"],
    ["第 1 页/共 2 页"], ["第1页(共2页)"], ["—2—"], ["P.2"], ["页码:2/5"], ["临时救助台账（续）", "", "", "", "第2页"],
]  # fmt: skip


@pytest.mark.parametrize("title", [[], [["2026年10月临时救助台账"]]])
@pytest.mark.parametrize("has_padding", [True, False])
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_ends_of_printed_pages_are_nobody(
    tmp_path: Path, title: list[list[str]], has_padding: bool, suffix: str
) -> None:
    lines = [*title, GRANT, *rows(6)[:3], *PADDED, GRANT, *rows(6)[3:], ["-2-"]]
    lines = [[*line, *[""] * (len(GRANT) - len(line))] for line in lines] if has_padding else lines
    found = Read(sheet(tmp_path / "台账.xlsx", lines)) if suffix == ".xlsx" else read(tmp_path, text(lines))
    assert numbers(found) == everybody(6)
    assert found.left_out == {"page_line": len(PADDED) + 1, "repeated_header": 1}


@pytest.mark.parametrize("delimiter", ["|#|", "|+|", "|$|", "|@@|", "||"])
def test_columns_may_be_kept_apart_by_several_characters(tmp_path: Path, delimiter: str) -> None:
    found = read(tmp_path, "\r\n".join(delimiter.join(line) for line in [GRANT, *rows(5)]) + "\r\n", "台账.txt")
    assert numbers(found) == everybody(5)
    assert "没有使用的列" not in found.notices
    # A column that says something is still named, whatever it is called.
    lines = [[*GRANT, "#"], *([*line, str(at)] for at, line in enumerate(rows(5)))]
    assert "没有使用的列：#" in read(tmp_path, text(lines)).notices


def test_a_title_with_what_stands_beside_it_is_printed_again(tmp_path: Path) -> None:
    top = [["2026年10月临时救助台账", "", "填报单位:某区民政局"], ["打印日期", "2026年11月1日"]]
    again = [["2026年10月临时救助台账（二）", "", "填报单位:某区民政局"], ["打印日期", "2026年11月1日", "第2页"]]
    found = read(tmp_path, text([*top, GRANT, *rows(6)[:3], *again, GRANT, *rows(6)[3:]]))
    assert numbers(found) == everybody(6)
    assert found.left_out == {"page_line": 1, "repeated_header": 2}


def test_people_whose_cells_look_alike_are_people(tmp_path: Path) -> None:
    """Without a number a row is read, to be set aside and said; it is never left out."""
    lines = rows(7)
    lines[0][2] = ""
    lines[1] = ["-", "张三", *"--------"]
    lines[2] = ["GK000002", "第二页", "", *lines[2][3:]]
    lines[3] = ["", "续小明", *[""] * 8]
    lines[4] = ["GK000004", "王五(续)", "", *[""] * 7]
    lines[5] = ["临时救助台账(续)", "张三", lines[5][2], *[""] * 7]
    found = read(tmp_path, text([["2026年10月临时救助台账"], GRANT, *lines]))
    assert (len(found.rows), found.left_out) == (7, {})


def test_words_above_a_second_header_hide_no_person_below_it(tmp_path: Path) -> None:
    above = [["姓名", "关系", ""], ["张三", "户主", "支出型"]]
    lines = rows(3)
    lines[1] = ["", "张三", "", "支出型", *[""] * 6]
    found = read(tmp_path, text([*above, GRANT, *lines]))
    assert (len(found.rows), found.left_out) == (3, {})


@pytest.mark.parametrize(
    ("separator", "words"),
    [("\uff0c", "全角逗号"), ("、", "顿号"), (" ", "空格"), ("    ", "空格"), ("\u3000\u3000", "空格"), ("\1", "^A")],
)
def test_separators_that_cannot_be_told_are_named(tmp_path: Path, separator: str, words: str) -> None:
    data = "\n".join(separator.join(line) for line in [GRANT, *rows(9)])
    for head in ("", "2026年10月临时救助台账\n"):
        refusal = read(tmp_path, head + data).refusal
        assert refusal and refusal.code == "separator" and words in refusal.reason


def test_sentences_with_blanks_are_no_columns(tmp_path: Path) -> None:
    refusal = read(tmp_path, "请各位 注意 查收\n名单 见附件\n有问题请联系 张三\n谢谢\n").refusal
    assert refusal and refusal.code != "separator"


# Encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("count", [1, 40])
def test_every_encoding_with_a_mark_or_without(tmp_path: Path, encoding: str, count: int) -> None:
    found = read(tmp_path, text([GRANT, *rows(count)]).encode(encoding))
    assert numbers(found) == everybody(count)
    assert found.values("name")[0] == "张三丰"
    assert found.notices == ""


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-be"])
def test_utf_32_is_named(tmp_path: Path, encoding: str) -> None:
    mark = b"\0\0\xfe\xff" if encoding == "utf-32-be" else b""
    refusal = read(tmp_path, mark + text([GRANT, *rows(3)]).encode(encoding)).refusal
    assert refusal and "UTF-32" in refusal.reason


def spoilt(lines: list[list[str]], row: int, column: int, cell: bytes, encoding: str, delimiter: str = ",") -> bytes:
    """The file with one cell of other bytes."""
    mark = "￥￥￥"
    changed = [
        [mark if (at, to) == (row, column) else cell for to, cell in enumerate(line)] for at, line in enumerate(lines)
    ]
    return text([GRANT, *changed], delimiter).encode(encoding).replace(mark.encode(encoding), cell)


@pytest.mark.parametrize("count", [5, 40])
@pytest.mark.parametrize(("encoding", "lost"), [("gb18030", 1), ("utf-8", 1), ("utf-8", 2)])
@pytest.mark.parametrize(("column", "field"), [(1, "name"), (8, "township"), (9, "current_address")])
def test_half_a_character_is_a_matter_of_its_cell(
    tmp_path: Path, encoding: str, lost: int, count: int, column: int, field: str
) -> None:
    lines = rows(count)
    for delimiter in ",\t;":
        data = spoilt(lines, 2, column, "北营镇第二户".encode(encoding)[:-lost], encoding, delimiter)
        found = read(tmp_path, data)
        assert f"文件按 {encoding.upper()} 编码读取，第4行里" in found.notices
        assert found.problems == {(4, field): "unreadable_bytes"}
        assert found.values(field) == [line[column] if at != 2 else "北营镇第二\ufffd" for at, line in enumerate(lines)]
        assert found.values("id_number") == everybody(count)
        assert found.values("amount_fen") == ["901"] * count


def test_a_torn_required_cell_takes_its_row_and_an_optional_one_only_itself(tmp_path: Path) -> None:
    lines = rows(5)
    name = spoilt(lines, 1, 1, "张三".encode("gbk")[:-1], "gbk")
    address = spoilt(lines, 2, 9, "北营镇第二户".encode("gbk")[:-1], "gbk")
    data = name[: name.index(b"GK000002")] + address[address.index(b"GK000002") :]
    outcome = judged(save(tmp_path, data))
    assert outcome.aside == {("", 3): "name.unreadable_bytes"}
    assert outcome.values("current_address") == [lines[0][9], None, lines[3][9], lines[4][9]]
    assert outcome.values("current_address__text")[1] == "北营镇第二\ufffd"
    assert [(line["severity"], line["row_number"]) for line in outcome.issues] == [("must_fix", 3), ("confirm", 4)]
    assert "第二\ufffd" in outcome.issues[1]["message"]


def test_half_a_character_that_takes_a_bar_with_it_shifts_nobody(tmp_path: Path) -> None:
    lines = rows(20)
    found = read(tmp_path, spoilt(lines, 2, 8, "北营镇第二户".encode("gbk")[:-1], "gbk", "|"))
    assert found.problems == {(4, "id_number"): "ragged_line"}
    assert [row["current_address"] for row in found.rows if row["row_number"] != 4] == [
        line[9] for at, line in enumerate(lines) if at != 2
    ]


def test_many_torn_cells_are_no_unknown_encoding(tmp_path: Path) -> None:
    data = text([GRANT, *([*line[:9], f"￥{at:02d}"] for at, line in enumerate(rows(20)))]).encode("gbk")
    for at in range(20):
        data = data.replace(f"￥{at:02d}".encode("gbk"), "北营镇样例路第一排".encode("gbk")[:15])
    found = read(tmp_path, data)
    assert found.values("id_number") == everybody(20)
    assert found.problems == {(at, "current_address"): "unreadable_bytes" for at in range(2, 22)}


def test_the_euro_of_windows(tmp_path: Path) -> None:
    found = read(tmp_path, spoilt(rows(5), 1, 9, b"\x80100", "gbk"))
    assert found.values("current_address")[1] == "€100" and found.problems == {}


@pytest.mark.parametrize(("most", "few"), [("utf-8", "gb18030"), ("gb18030", "utf-8")])
@pytest.mark.parametrize("count", [1, 3, 25])
def test_lines_in_another_encoding_are_read_in_it(tmp_path: Path, most: str, few: str, count: int) -> None:
    lines = rows(60)
    found = read(tmp_path, text([GRANT, *lines[count:]]).encode(most) + text(lines[:count]).encode(few))
    assert sorted(numbers(found)) == sorted(everybody(60))
    assert sorted(found.values("current_address")) == sorted(line[9] for line in lines)
    assert f"文件是 {most.upper()} 编码，第{62 - count}" in found.notices and "已分别读取" in found.notices


def test_utf_8_that_is_good_gbk_by_chance_is_not_read_as_gbk(tmp_path: Path) -> None:
    """All words have an even number of letters, so that every byte finds a partner; one byte is lost in the last row."""
    lines = [["姓名", "身份证号", "死亡日期"], *(["张三", person_number(at), "2026-09-01"] for at in range(5))]
    data = text(lines).encode() + "李四".encode() + b"\xff" + f",{person_number(9)},2026-09-01\r\n".encode()
    found = read(tmp_path, data)
    assert found.values("name") == ["张三"] * 5 + ["李四\ufffd"]
    assert found.problems == {(7, "name"): "unreadable_bytes"}


def test_utf_16_out_of_step_is_said_with_its_line(tmp_path: Path) -> None:
    data = text([GRANT, *rows(20)]).encode("utf-16-le")
    at = data.index("GK000007".encode("utf-16-le"))
    for end in (b"", b"\0"):
        found = read(tmp_path, data[:at] + data[at + 1 :] + end)
        assert found.refusal and found.refusal.code == "encoding" and "第9行" in found.refusal.reason


def test_stray_control_bytes_are_no_reason_to_refuse(tmp_path: Path) -> None:
    lines = rows(20)
    lines[3][1], lines[4][9] = "王\0小明", "一连\x1b二号"
    assert numbers(read(tmp_path, text([GRANT, *lines]))) == everybody(20)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_every_row_is_in_what_the_sender_gets_back(tmp_path: Path, encoding: str) -> None:
    """Rows with bytes that could not be read too: the grid is what the copy is written from."""
    path = save(tmp_path, spoilt(rows(20), 2, 9, "第二户".encode(encoding)[:-1], encoding))
    book = readers.read(path, path.name)
    assert isinstance(book, Book)
    assert book.grids[0].text(3, 9) == "第二\ufffd"
    assert book.grids[0].row_numbers.tolist() == np.arange(1, 22).tolist()


# Web pages and other formats -------------------------------------------------------------------------------------

CELLS = "".join(f"<td>{cell}</td>" for cell in person(1))
TABLE = f"<table border=1><tr>{CELLS}</tr></table>"
PAGES = [
    f"<div>\r\n\t{TABLE}</div>", f"<style>td{{mso-number-format:'\\@'}}</style>{TABLE}", f"<!-- made by x -->{TABLE}",
    f"\n \t\u3000{TABLE}", f"<!DOCTYPE html>{TABLE}", f"<script>alert(1)</script>{TABLE}", f"<meta charset=gbk>{TABLE}",
    f"<center>{TABLE}", f"<p>{TABLE}", f"<TABLE><TR>{CELLS}", f"查询结果 {TABLE}", f"&nbsp;{TABLE}", f"<br/>{TABLE}",
    f'<?xml version="1.0"?><html xmlns="x">{TABLE}</html>', f"</div>{TABLE}", f"<o:p>{TABLE}", f"\u200b{TABLE}",
    f"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n{TABLE}", f"From: <x>\r\nMIME-Version: 1.0\r\n\r\n{TABLE}",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_a_web_page_is_one_however_it_begins_and_is_called(tmp_path: Path, page: str) -> None:
    for encoding, name in (
        ("gb18030", "导出.xls"), ("utf-8", "导出.xlsx"), ("utf-8-sig", "导出.csv"), ("utf-16", "导出.txt"), ("utf-16-le", "导出.et"),
    ):  # fmt: skip
        found = readers.read(save(tmp_path, page.encode(encoding), name), name)
        assert not isinstance(found, Book)
        assert (found.code, found.fix) == ("web_page", advice.FROM_WEB_PAGE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("is_far", [False, True])
def test_of_a_sheet_in_xml_it_is_said_whether_its_numbers_are_text(tmp_path: Path, encoding: str, is_far: bool) -> None:
    """A number of 18 digits that is a quantity there loses its end when the file is opened."""
    begin = '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook>' + "<Row/>" * (3000 * is_far)
    for cell, fix in [
        ('<Data ss:Type="String">990101195001011234</Data>', advice.SAVE_AS_XLSX),
        ('<Data ss:Type="Number">801.5</Data>', advice.SAVE_AS_XLSX),
        ('<Data ss:Type="Number">990101195001011234</Data>', advice.EXPORT_AS_XLSX),
    ]:
        found = readers.read(save(tmp_path, f"{begin}{cell}</Workbook>".encode(encoding), "x.xls"), "x.xls")
        assert not isinstance(found, Book) and (found.code, found.fix) == ("xml_workbook", fix)


def test_sheets_in_xml_are_told_from_web_pages(tmp_path: Path) -> None:
    page = '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook/>'
    found = readers.read(save(tmp_path, page, "x.xls"), "x.xls")
    assert not isinstance(found, Book)
    assert "Excel 2003" in found.reason and found.fix == advice.SAVE_AS_XLSX


@pytest.mark.parametrize("name", ["台账.xls", "台账.xlsx", "台账.dbf", "台账.txt"])
def test_text_is_read_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    for delimiter in "\t,":
        found = read(tmp_path, text([GRANT, *rows(5)], delimiter), name)
        assert numbers(found) == everybody(5)
        assert ("已按内容读取" in found.notices) == (name != "台账.txt")


def test_nobody_is_told_to_open_and_save_a_text_that_is_called_like_a_workbook(tmp_path: Path) -> None:
    refusal = read(tmp_path, text([GRANT, *rows(5)]), "台账.et").refusal
    assert refusal and refusal.code == "wrong_ending" and refusal.fix == advice.add_ending(".txt")


def test_what_a_list_under_a_wrong_ending_may_be_stays_known(tmp_path: Path) -> None:
    """By these kinds, and by what is no list at all, it is known which rosters lack somebody."""
    people = [
        ["姓名", "身份证号", "户主身份证号", "与户主关系"],
        *([line[1], line[2], line[2], "户主"] for line in rows(3)),
    ]
    undecided = read(tmp_path, text(people), "名册.tsv").refusal
    assert undecided and undecided.code == "which_kind" and "“.txt”" in undecided.fix
    assert [near.kind for near in undecided.nearest] == ["dibao_person", "edge_person"]
    for lines, code in [(people, "wrong_ending"), ([["会议", "通知"], ["地点", "二楼"]], "unrecognised")]:
        refusal = read(tmp_path, text(lines), "低保人员2026年10月.md").refusal
        assert refusal and refusal.code == code and "以“.md”结尾" in refusal.reason


def test_a_cell_may_look_like_a_tag(tmp_path: Path) -> None:
    lines = rows(5)
    lines[1][9] = "<table>"
    assert numbers(read(tmp_path, text([["<台账>"], GRANT, *lines]))) == everybody(5)


TRADITIONAL = [
    ["申請編號", "申請人姓名", "身分證號碼", "救助類型", "受理日期", "居住地"],
    *([line[0], name, line[2], "急難型", line[5], "北營鎮一號"] for line, name in zip(rows(3), ["張三豐", "歐陽修", "趙雲"], strict=True)),
]  # fmt: skip
JAPANESE = [
    ["申請番号", "氏名", "身分証番号", "受付日"],
    *([line[0], "たなかタロウ", line[2], line[5]] for line in rows(3)),
]


@pytest.mark.parametrize(
    ("lines", "encoding", "said"),
    [(TRADITIONAL, "cp950", "Big5（繁体中文）"), (JAPANESE, "cp932", "Shift-JIS（日文）")],
)
@pytest.mark.parametrize("above", [[], [["2026-10"]]])
def test_a_text_in_an_encoding_that_is_not_read_is_said_to_be_in_it(
    tmp_path: Path, lines: list[list[str]], encoding: str, said: str, above: list[list[str]]
) -> None:
    refusal = read(tmp_path, text([*above, *lines]).encode(encoding)).refusal
    assert refusal and refusal.code == "encoding" and refusal.fix == advice.IMPORT_TEXT
    assert f"多半是 {said}编码" in refusal.reason and f"第{len(above) + 1}行" in refusal.reason
    for known in ("utf-8", "gb18030"):  # the same words in an encoding that is read: their columns are named
        other = read(tmp_path, text([*above, *lines]).encode(known)).refusal
        assert other and other.code == "unrecognised"


def test_rare_names_are_in_the_encoding_that_they_are_in(tmp_path: Path) -> None:
    lines = rows(20)
    for line in lines:
        line[1] = "喆翯龘"
    assert numbers(read(tmp_path, text([GRANT, *lines]).encode("gb18030"))) == everybody(20)


# Advice that is followed -----------------------------------------------------------------------------------------


def test_an_unpaired_quote_taken_out_in_an_editor_is_accepted(tmp_path: Path) -> None:
    lines = text([GRANT, *rows(20)]).split("\r\n")
    lines[7] = '"' + lines[7]
    refused = read(tmp_path, "\r\n".join(lines)).refusal
    assert refused and refused.fix == advice.mend_quote(8)
    lines[7] = lines[7].removeprefix('"')
    assert numbers(read(tmp_path, "\r\n".join(lines))) == everybody(20)
