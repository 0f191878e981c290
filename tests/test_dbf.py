"""Tables of dBase and FoxPro (.dbf): names, types, code pages, deleted records, damage; what is read and what is refused."""

from __future__ import annotations

import struct
from datetime import date
from pathlib import Path

import dbf as writer
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from low_income import advice
from low_income.model import Reading, Refusal
from low_income.reading import layout, readers
from low_income.reading.dbf import cut
from low_income.reading.grid import Grid
from low_income.reading.readers import Book
from low_income.reading.recognise import Recogniser
from low_income.returns.rewrite import rewrite
from low_income.settings import contracts

from tests.damage_kit import judged, sheet
from tests.dbf_kit import foxpro_table, table
from tests.night_kit import number

PERSON = [("姓名", "C", 20), ("身份证号码", "C", 18)]
MEMBER = ["姓名", "身份证号", "户主身份证号", "与户主关系"]


def read(tmp_path: Path, data: bytes, name: str = "x.dbf") -> Book | Refusal:
    (tmp_path / name).write_bytes(data)
    return readers.read(tmp_path / name, name)


def grid(tmp_path: Path, data: bytes) -> Grid:
    book = read(tmp_path, data)
    assert isinstance(book, Book), book
    (found,) = book.grids
    return found


def lines(found: Grid) -> list[list[str | None]]:
    return [list(row) for row in zip(*(column.to_pylist() for column in found.columns), strict=True)]


def reading(tmp_path: Path, data: bytes, unit: str, name: str = "x.dbf") -> Reading:
    (tmp_path / name).write_bytes(data)
    senders = {"division", unit}
    (found,) = layout.read_submissions(tmp_path / name, name, unit, senders, tmp_path / "work")
    return found


# what is read -----------------------------------------------------------------------------------------------------


def test_names_are_the_header_and_record_n_is_row_n_plus_1(tmp_path: Path) -> None:
    found = grid(tmp_path, table(PERSON, [("买买提·艾力", number(1)), ("某乙", number(2))]))
    assert found.sheet == ""
    assert found.row_numbers.tolist() == [1, 2, 3]
    assert lines(found) == [["姓名", "身份证号码"], ["买买提·艾力", number(1)], ["某乙", number(2)]]
    assert not found.numeric


def test_deleted_records_are_left_out_and_leave_the_numbers_below_right(tmp_path: Path) -> None:
    data = table(PERSON, [(f"某{n}", number(n)) for n in range(1, 6)], deleted=[1, 2])
    found = grid(tmp_path, data)
    assert found.row_numbers.tolist() == [1, 2, 5, 6]
    assert [row[0] for row in lines(found)] == ["姓名", "某1", "某4", "某5"]
    book = read(tmp_path, data)
    assert isinstance(book, Book)
    assert book.notices == ["有2条记录带删除标记，没有读取"]


@pytest.mark.parametrize(
    ("driver", "encoding"), [(0, "gbk"), (0x4D, "gbk"), (0x7A, "gbk"), (0x03, "gbk"), (0x78, "cp950"), (0, "utf-8")]
)
def test_code_pages(tmp_path: Path, driver: int, encoding: str) -> None:
    """936 unless the driver byte says Big5 or the names are UTF-8: Chinese exports carry any Western driver byte."""
    found = grid(tmp_path, table([("姓名", "C", 30)], [("王大明",), ("",)], driver=driver, encoding=encoding))
    assert lines(found) == [["姓名"], ["王大明"], [None]]


def test_each_type_has_its_text(tmp_path: Path) -> None:
    columns = [("甲", "C", 6), ("乙", "N", 9), ("丙", "D", 8), ("丁", "L", 1), ("戊", "F", 6), ("己", "M", 10)]
    data = table(
        columns,
        [
            ("  左空", "1200.50", "20261031", "T", "-3.10", "         7"),
            ("", "", "", "?", "", ""),
            ("x", "*********", "00000000", "n", "0", ""),
        ],
    )
    found = grid(tmp_path, data)
    assert lines(found)[1:] == [
        ["  左空", "1200.50", "2026-10-31", "TRUE", "-3.10", None],
        [None, None, None, None, None, None],
        ["x", "*********", None, "FALSE", "0", None],
    ]
    assert {column: cells.tolist() for column, cells in found.numeric.items()} == {
        1: [False, True, False, True], 4: [False, True, False, True],
    }  # fmt: skip
    book = read(tmp_path, data)
    assert isinstance(book, Book)
    assert "备注型字段" in book.notices[0]
    assert "己" in book.notices[0]


def test_the_binary_types_of_visual_foxpro(tmp_path: Path) -> None:
    columns = [("整数", "I", 4), ("金额", "Y", 8), ("小数", "B", 8), ("时间", "T", 8), ("_NullFlags", "0", 1)]
    midnight, evening = struct.pack("<ii", 2_461_345, 0), struct.pack("<ii", 2_461_345, 75_600_000)
    records = [
        (struct.pack("<i", -7), struct.pack("<q", 12_345_600), struct.pack("<d", 0.1), midnight, b"\0"),
        (struct.pack("<i", 9), struct.pack("<q", -5), struct.pack("<d", 2.5), evening, b"\0"),
        (struct.pack("<i", 0), struct.pack("<q", 0), struct.pack("<d", 0.0), b" " * 8, b"\0"),
    ]
    assert lines(grid(tmp_path, table(columns, records, version=0x30))) == [
        ["整数", "金额", "小数", "时间"],
        ["-7", "1234.5600", "0.1", "2026-10-31"],
        ["9", "-0.0005", "2.5", "2026-10-31 21:00:00"],
        ["0", "0.0000", "0.0", None],
    ]


def test_another_programs_tables_are_read_alike(tmp_path: Path) -> None:
    """Written by a library that has nothing to do with ours."""
    path = tmp_path / "peer.dbf"
    peer = writer.Table(str(path), "XM C(12); SFZH C(18); RQ D; JE N(10,2); SF L", codepage="cp936", dbf_type="db3")
    peer.open(mode=writer.READ_WRITE)
    for name, day, amount, is_so in (("欧阳·某", date(2026, 10, 1), 12.5, True), ("某乙", None, None, None)):
        peer.append((name, number(3), day, amount, is_so))
    peer.close()
    book = readers.read(path, path.name)
    assert isinstance(book, Book)
    assert lines(book.grids[0]) == [
        ["XM", "SFZH", "RQ", "JE", "SF"],
        ["欧阳·某", number(3), "2026-10-01", "12.50", "TRUE"],
        ["某乙", number(3), None, None, None],
    ]


@given(cells=st.lists(st.text(alphabet="某甲乙丙 ·aZ09\n\t,\"'=", max_size=8), min_size=1, max_size=40))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    found = grid(tmp_path_factory.mktemp("any"), table([("姓名", "C", 16)], [(cell,) for cell in cells]))
    assert [row[0] or "" for row in lines(found)[1:]] == [cell.rstrip(" ") for cell in cells]


@pytest.mark.parametrize(("encoding", "width"), [("gbk", 5), ("utf-8", 7), ("utf-8", 8), ("cp950", 5)])
def test_half_a_character_at_a_cells_end_is_noted_and_harms_no_other_cell(
    tmp_path: Path, encoding: str, width: int
) -> None:
    """A text that does not fit is cut to the width of its field."""
    driver = 0x78 if encoding == "cp950" else 0
    columns = [("姓名", "C", width), ("人口", "C", 3)]
    records = [("王大明山", "1"), ("李小", "2"), ("李大", "3"), ("王大明山", "4")]
    data = table(columns, records, encoding=encoding, driver=driver, deleted=[1])
    found = grid(tmp_path, data)
    assert lines(found)[1:] == [["王大\ufffd", "1"], ["李大", "3"], ["王大\ufffd", "4"]]
    assert found.problems == [(1, 0, "unreadable_bytes"), (3, 0, "unreadable_bytes")]
    book = read(tmp_path, data)
    assert isinstance(book, Book)
    assert "第2、5行里有读不出来的字节" in book.notices[-1]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_a_cut_name_takes_its_row_and_a_cut_optional_cell_is_asked_about(tmp_path: Path, encoding: str) -> None:
    columns = [
        ("户主", "C", 8), ("身份证号", "C", 18), ("灾害种类", "C", 12), ("发生时间", "D", 8), ("受灾人口", "N", 4),
        ("直接经济损失", "N", 10), ("户籍地址", "C", 17),
    ]  # fmt: skip
    names = ["某甲", "买买提艾力", "某丙"]
    homes = ["样例路一号", "样例路二号", "样例路样例路样例路"]
    records = [
        (name, number(at), "洪涝", "20260915", "3", "800.00", home)
        for at, (name, home) in enumerate(zip(names, homes, strict=True), 1)
    ]
    columns[0] = ("户主", "C", 8 if encoding == "utf-8" else 7)
    path = tmp_path / "x.dbf"
    path.write_bytes(table(columns, records, encoding=encoding, decimals=2))
    outcome = judged(path, unit="emergency_management")
    assert outcome.aside == {("", 3): "name.unreadable_bytes"}
    assert [(line["severity"], line["row_number"]) for line in outcome.issues] == [("must_fix", 3), ("confirm", 4)]
    assert outcome.values("registered_address") == ["样例路一号", None]
    assert "\ufffd" in outcome.issues[1]["message"]


def test_a_text_field_may_be_longer_than_one_byte_counts(tmp_path: Path) -> None:
    long = "一" * 200
    assert lines(grid(tmp_path, table([("家庭住址", "C", 500), ("号", "N", 3)], [(long, "1")])))[1] == [long, "1"]


# Visual FoxPro: texts of varying length, null values, columns of its own -----------------------------------------


def test_a_text_of_varying_length_is_as_written_and_no_character_more(tmp_path: Path) -> None:
    """The byte of the length is `8` for a text of 56 bytes: read as text, it would be a house number that nobody wrote."""
    address = "样例路" * 9 + "一号"
    assert len(address.encode("gbk")) == ord("8") + 2
    columns = [("居住地", "V", 100), ("姓名", "V", 8), ("备注", "V", 60)]
    records: list[tuple[str | bytes | None, ...]] = [
        (address[:-1], "某甲", "8"),
        (address, "买买提艾", ""),
        ("", "", "末尾有空格  "),
        ("x" * 99, "x" * 7, "甲\t乙"),
        ("x" * 100, "x" * 8, " 左空"),
        ("样例路48", "某乙", "x" * 56),
    ]
    for filler in (b"\0", b" ", b"\xb9"):
        data = foxpro_table(columns, records, filler=filler)
        assert lines(grid(tmp_path, data))[1:] == [[str(text).rstrip() or None for text in row] for row in records]


def test_null_is_blank_whatever_the_bytes_say(tmp_path: Path) -> None:
    columns = [
        ("甲", "V", 6),
        ("乙", "I", 4),
        ("丙", "V", 6),
        ("丁", "Y", 8),
        ("戊", "N", 6),
        ("己", "C", 4),
        ("庚", "V", 3),
    ]
    zero, money = struct.pack("<i", 0), struct.pack("<q", 0)
    found = grid(
        tmp_path,
        foxpro_table(
            columns,
            [
                (None, None, "满满满", None, None, None, "a"),
                ("某", zero, None, money, "0", "x", "abc"),
                ("满满满", zero, "某", None, "12", "", ""),
            ],
            nullable=["甲", "乙", "丙", "丁", "戊", "己"],
        ),
    )
    assert lines(found)[1:] == [
        [None, None, "满满满", None, None, None, "a"],
        ["某", "0", None, "0.0000", "0", "x", "abc"],
        ["满满满", "0", "某", None, "12", None, None],
    ]
    assert found.numeric[1].tolist() == [False, False, True, True]


def test_flags_of_more_than_one_byte_and_deleted_records(tmp_path: Path) -> None:
    columns = [(f"列{n}", "V", 5) for n in range(11)]
    records = [[f"{row}{n}" if (row + n) % 3 else f"{row}{n:04}" for n in range(11)] for row in range(4)]
    found = grid(tmp_path, foxpro_table(columns, records, deleted=[1]))
    assert lines(found)[1:] == [row for at, row in enumerate(records) if at != 1]


def test_a_length_that_cannot_be_is_noted_and_flags_too_short_are_refused(tmp_path: Path) -> None:
    data = foxpro_table([("姓名", "V", 8), ("号", "C", 3)], [("某甲", "1"), ("某乙", "2")])
    torn = data.replace("某甲".encode("gbk") + b"\0\0\0\4", "某甲".encode("gbk") + b"\0\0\0\x09")
    broken = grid(tmp_path, torn)
    assert lines(broken)[1:] == [["\ufffd", "1"], ["某乙", "2"]]
    assert broken.problems == [(1, 0, "unreadable_bytes")]
    columns = [(f"列{n}", "V", 5) for n in range(11)]
    rows = [[*(b"a\0\0\0\1" for _ in columns), b"\xff"]]
    found = read(tmp_path, table([*columns, ("_NullFlags", "0", 1)], rows, version=0x32, bits=[0] * 11 + [5]))
    assert isinstance(found, Refusal)
    assert found.code == "corrupt"


def test_without_flags_a_text_ends_at_its_first_zero(tmp_path: Path) -> None:
    """Written by a program that knows the type and not the flags, or with what was left behind an older, longer text."""
    data = table([("居住地", "V", 12), ("姓名", "C", 8)], [("样例路\0\0\0\0\0\x08", "某甲 \0乙")], version=0x32)
    assert lines(grid(tmp_path, data))[1:] == [["样例路", "某甲"]]


@pytest.mark.parametrize(
    ("version", "pointers"),
    [
        (0x30, [b"\x08\0\0\0", bytes(4), b"\x20\0\0\0", b"    "]), (0x83, [b"         1", b" " * 10, b"0000000020", bytes(10)]),
        (0xF5, [b"         8", bytes(10), b"        48", b" " * 10]),
    ],
)  # fmt: skip
def test_a_memo_that_is_not_there_is_unreadable_and_an_empty_one_is_blank(
    tmp_path: Path, version: int, pointers: list[bytes]
) -> None:
    columns = [(name, "C", 18) for name in MEMBER] + [
        (name, "M", len(pointers[0])) for name in ("健康状况", "联系电话")
    ]
    records = [[f"某{n}", number(n), number(n), "户主", pointer, pointers[1]] for n, pointer in enumerate(pointers, 1)]
    (tmp_path / "低保人员2026年10月.dbf").write_bytes(table(columns, records, version=version))
    outcome = judged(tmp_path / "低保人员2026年10月.dbf")
    assert outcome.values("health") == [None] * 4
    assert outcome.values("health__unreadable") == [True, False, True, False]
    assert outcome.values("phone__unreadable") == [False] * 4
    assert [(line["row_number"], line["rule"]) for line in outcome.issues] == [
        (2, "health.stored_elsewhere"),
        (4, "health.stored_elsewhere"),
    ]
    assert "不在 .dbf 文件里" in outcome.issues[0]["message"] and "备注型字段" in outcome.notices
    assert outcome.notices.endswith(advice.EXPORT_FIELDS)
    exported = [[*MEMBER, "健康状况"], *([*record[:4], "健康"] for record in records)]
    followed = judged(sheet(tmp_path / "低保人员2026年10月.xlsx", exported))
    assert followed.values("health__unreadable") == [False] * 4 and None not in followed.values("health")
    assert followed.values("id_number") == outcome.values("id_number")


def test_a_required_memo_sets_its_row_aside(tmp_path: Path) -> None:
    columns = [("姓名", "M", 4), *((name, "C", 18) for name in MEMBER[1:])]
    records = [[pointer, number(n), number(n), "户主"] for n, pointer in enumerate([b"\x08\0\0\0", bytes(4)], 1)]
    (tmp_path / "低保人员2026年10月.dbf").write_bytes(table(columns, records, version=0x30))
    outcome = judged(tmp_path / "低保人员2026年10月.dbf")
    assert outcome.aside == {("", 2): "name.stored_elsewhere", ("", 3): "name.blank"}


def test_system_columns_are_no_columns_and_binary_ones_are_said_not_to_be_read(tmp_path: Path) -> None:
    columns = [("姓名", "C", 8), ("行号", "I", 4), ("附件", "Q", 6), ("照", "W", 4)]
    data = table(columns, [("某甲", b"\7\0\0\0", b"\1\2\3\4\5\6", bytes(4))], version=0x32, bits=[0, 0x01, 0, 0])
    assert lines(grid(tmp_path, data)) == [["姓名", "附件", "照"], ["某甲", None, None]]
    book = read(tmp_path, data)
    assert isinstance(book, Book)
    assert ["二进制型" in notice for notice in book.notices] == [False, True]
    assert all(notice.endswith(advice.EXPORT_FIELDS) for notice in book.notices)
    # The same byte means nothing in a table of dBase.
    data = table(columns[:1], [("某甲",)], version=0x03, bits=[0x01])
    assert lines(grid(tmp_path, data)) == [["姓名"], ["某甲"]]


@pytest.mark.parametrize("version", [0x03, 0x30, 0x31, 0x32, 0x43, 0x83, 0x8B, 0xF5])
def test_every_version_reads_alike(tmp_path: Path, version: int) -> None:
    data = table(PERSON, [("买买提·艾力", number(1))], version=version)
    assert lines(grid(tmp_path, data)) == [["姓名", "身份证号码"], ["买买提·艾力", number(1)]]


@pytest.mark.parametrize(
    ("names", "texts"), [("gbk", "gbk"), ("utf-8", "utf-8"), ("gbk", "utf-8"), ("utf-8", "gbk"), ("cp950", "cp950")]
)
def test_names_and_texts_are_each_read_in_their_own_encoding(tmp_path: Path, names: str, texts: str) -> None:
    """What a .cpg beside the table says shows in the bytes; one cell cut in mid-character, and one torn, change nothing."""
    driver = 0x78 if names == "cp950" else 0
    cells = ["王大明", "李小山", "東山"] if names == "cp950" else ["王大明", "买买提", "联通"]
    records: list[tuple[str | bytes, str]] = [(cell, "某") for cell in cells]
    records += [("王大明王大明王大明".encode(texts)[:10], "某"), (b"\xff\xff", "某")]
    columns = [("姓名", "C", 10), ("家庭住址", "C", 4)]
    found = lines(grid(tmp_path, table(columns, records, encoding=names, texts_in=texts, driver=driver)))
    assert found[0] == (["姓名", "家庭住"] if names == "utf-8" else ["姓名", "家庭住址"])
    assert [row[0] for row in found[1:4]] == cells
    assert str(found[4][0]).startswith("王大明") and "\ufffd" in str(found[5][0])


@given(
    cells=st.lists(st.one_of(st.none(), st.text(alphabet="某甲乙 8·aZ", max_size=6)), min_size=1, max_size=20),
    filler=st.sampled_from([b"\0", b" ", b"7"]),
)
def test_any_text_of_varying_length_comes_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str | None], filler: bytes
) -> None:
    data = foxpro_table([("姓名", "V", 12)], [(cell,) for cell in cells], nullable=["姓名"], filler=filler)
    found = grid(tmp_path_factory.mktemp("any"), data)
    assert [row[0] or "" for row in lines(found)[1:]] == [(cell or "").rstrip(" ") for cell in cells]


# names cut to ten bytes -------------------------------------------------------------------------------------------


def test_a_cut_name_is_known_by_how_it_begins(tmp_path: Path) -> None:
    columns = [
        ("姓名", "C", 20), ("身份证号码", "C", 18), ("结算时间", "D", 8), ("医疗费总额", "N", 10),
        ("个人负担总金额", "N", 10), ("就诊机构", "C", 20),
    ]  # fmt: skip
    data = table(columns, [("某甲", number(1), "20260915", "23000.00", "8600.00", "一院")])
    found = reading(tmp_path, data, "medical_insurance")
    assert found.kind == "medical_expense"
    assert found.refusal is None
    uses = {use.field: use.header for use in found.sheets[0].columns}
    assert uses["burden_fen"] == "个人负担总"
    assert found.sheets[0].unused == []


def test_a_unit_in_a_bracket_that_was_cut_is_still_known(tmp_path: Path) -> None:
    columns = [*PERSON, ("结算时间", "D", 8), ("总费用（万元）", "N", 10), ("个人自付费用", "N", 10)]
    found = reading(tmp_path, table(columns, [("某甲", number(1), "20260915", "2.3", "0.8")]), "medical_insurance")
    assert {use.field: (use.header, use.unit) for use in found.sheets[0].columns}["total_fen"] == ("总费用（万", "万元")


def test_of_two_fields_that_begin_alike_neither_is_taken(tmp_path: Path) -> None:
    kinds = contracts.load()
    columns = kinds.kinds["medical_expense"].columns
    twins = {
        **columns,
        "care_type": columns["care_type"].model_copy(update={"header": "医疗类别的名称"}),
        "hospital": columns["hospital"].model_copy(update={"header": "医疗类别的代码", "aliases": []}),
    }
    kind = kinds.kinds["medical_expense"].model_copy(update={"columns": twins})
    recogniser = Recogniser(kinds.model_copy(update={"kinds": {"medical_expense": kind}}), "u", {"medical_insurance"})
    found = grid(tmp_path, table([("姓名", "C", 8), ("医疗类别的名称", "C", 8)], [("某", "住院")]))
    header = recogniser.header(found)
    assert header is not None
    assert recogniser.match(kind, header).fields == {"name"}
    assert recogniser.unused(header, recogniser.match(kind, header), set()) == ["医疗类别的"]


def test_only_names_of_tables_are_taken_for_cut(tmp_path: Path) -> None:
    """A workbook's header that happens to be the beginning of a known one stays unknown."""
    text = f"姓名,身份证号码,结算时间,医疗费总额,个人负担总\n某甲,{number(1)},2026-09-15,100,50\n"
    found = reading(tmp_path, text.encode(), "medical_insurance", "x.csv")
    assert found.refusal is not None
    assert found.refusal.code == "unrecognised"
    assert "个人负担总金额" in found.refusal.reason


def test_every_required_column_of_every_kind_can_stand_in_a_table() -> None:
    """No kind has two required fields of which one could be meant by the other's cut name, and none is refused."""
    for kind in contracts.load().kinds.values():
        headers = kind.header_fields()
        for header, field in headers.items():
            short = cut(header, "gb18030")
            meant = (
                {headers[short]} if short in headers else {f for h, f in headers.items() if cut(h, "gb18030") == short}
            )
            if kind.columns[field].required is True and kind.columns[field].header == header:
                assert meant == {field}, (kind.name, header)


def test_a_column_that_is_never_stored_is_known_by_its_beginning_too(tmp_path: Path) -> None:
    columns = [
        *PERSON,
        ("结算时间", "D", 8),
        ("医疗费总额", "N", 10),
        ("个人负担总金额", "N", 10),
        ("是否有犯罪记录", "C", 4),
    ]
    found = reading(tmp_path, table(columns, [("某甲", number(1), "20260915", "9", "8", "无")]), "medical_insurance")
    assert found.sheets[0].refused_columns == [(6, "是否有犯罪")]
    assert any("按规定不接收" in notice for notice in found.notices)


def test_a_table_without_known_names_says_what_it_lacks(tmp_path: Path) -> None:
    found = reading(tmp_path, table([("XM", "C", 8), ("SFZH", "C", 18)], [("某甲", number(1))]), "medical_insurance")
    assert found.refusal is not None
    assert found.refusal.code == "unrecognised"
    assert "没有认出" in found.refusal.reason


# what is refused --------------------------------------------------------------------------------------------------

WHOLE = table(PERSON, [(f"某{n}", number(n)) for n in range(1, 40)])


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (WHOLE[:-60], "truncated", "39 条记录，文件里只有 37 条"),
        (WHOLE[:500], "truncated", "没有传完"),
        (WHOLE[:40], "corrupt", "没有传完"),
        (table(PERSON, [(f"某{n}", number(n)) for n in range(1, 40)], count=20), "corrupt", "后面却还有记录"),
        (WHOLE[:10] + b"\x30\0" + WHOLE[12:], "corrupt", "长度对不上"),
        (b"\x04" + WHOLE[1:], "dbf_version", "dBASE 7"),
        (WHOLE[:15] + b"\1" + WHOLE[16:], "password", "加了密"),
    ],
)  # fmt: skip
def test_damaged_tables_are_refused_with_what_to_do(tmp_path: Path, data: bytes, code: str, said: str) -> None:
    found = read(tmp_path, data)
    assert isinstance(found, Refusal), found
    assert found.code == code
    assert said in found.reason
    assert found.fix


@pytest.mark.parametrize("name", ["x.fpt", "x.dbt", "x.CPG", "x.cdx", "x.ＦＰＴ", "x._x"])
@pytest.mark.parametrize("data", [b"\0\0\0\x08\0\0\0\x40" + bytes(512), bytes(512), b"", b"UTF-8\r\n"])
def test_what_stands_beside_a_table_is_said_to_be_no_list(tmp_path: Path, name: str, data: bytes) -> None:
    found = read(tmp_path, data, name)
    assert isinstance(found, Refusal)
    assert found.code == "never_a_list" and found.fix == advice.SEND_TABLE_ITSELF
    assert ".dbf 表的伴随文件" in found.reason


def test_an_empty_table_is_empty(tmp_path: Path) -> None:
    found = read(tmp_path, b"")
    assert isinstance(found, Refusal) and found.code == "empty"


def test_a_table_under_another_suffix_is_read_and_told(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE, "x.xlsx")
    assert isinstance(found, Book)
    assert "dbf 表" in found.notices[0]


@given(at=st.integers(0, 95), byte=st.integers(0, 255))
def test_any_byte_of_the_head_may_be_wrong(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int) -> None:
    data = bytearray(WHOLE)
    data[at] = byte
    assert isinstance(read(tmp_path_factory.mktemp("head"), bytes(data)), (Book, Refusal))


# and back ---------------------------------------------------------------------------------------------------------


def test_it_is_rewritten_as_a_workbook_with_long_numbers_whole(tmp_path: Path) -> None:
    columns = [("姓名", "C", 8), ("身份证号", "N", 18), ("金额", "N", 10)]
    damaged = number(2)[:-1] + "4"
    found = grid(tmp_path, table(columns, [("某甲", damaged, "12.50")], deleted=[]))
    rewrite([found], tmp_path / "x.xlsx", {})
    page = openpyxl.load_workbook(tmp_path / "x.xlsx")["数据"]
    assert [cell.value for cell in page[1]] == ["姓名", "身份证号", "金额"]
    assert [cell.value for cell in page[2]] == ["某甲", damaged, 12.5]
