"""What a warning list shows, to whom, and that nothing in it comes alive."""

import json
from datetime import date

import duckdb
import openpyxl
import pytest
from low_income import lists
from low_income.lists import book as list_book
from low_income.lists.words import FILLED_IN, JUDGED, OUTCOME_TITLES, SAMPLE_NUMBER, WARNING_NUMBER
from low_income.settings.home import Unit

DAY = date(2026, 10, 31)
UNITS = {
    "bureau": Unit(code="bureau", name="民政局（本级）", kind="bureau", policy_region="北片"),
    "d01": Unit(code="d01", name="青禾区", kind="division", policy_region="北片"),
    "d02": Unit(code="d02", name="云岫区", kind="division", policy_region="北片"),
    "medical_insurance": Unit(code="medical_insurance", name="医疗保障局", kind="partner"),
}
KIND_TITLES = {
    "dibao_person": "低保人员",
    "survey_household": "低收入人口摸底排查（户）",
    "medical_expense": "高额医疗费用",
}

SCHEMA = """
create table warning_list (
    warning_id varchar, rule_code varchar, title varchar, level varchar, status varchar, household_id varchar,
    person_id varchar, subject_name varchar, subject_id_number varchar, division_code varchar, township varchar,
    first_seen_on date, due_on date, reason varchar, caveat varchar, remark varchar, evidence varchar, freshness varchar,
    decided_on date, decided_by varchar, measure varchar, note varchar
);
create table household_warning (
    household_id varchar, head_name varchar, head_id_number varchar, division_code varchar, township varchar, size bigint,
    level varchar, colour varchar, codes varchar, open_count bigint, oldest_on date, referrals varchar, change varchar
);
create table submission (submission_id varchar, unit_code varchar);
create table visit_contact (household_id varchar, division_code varchar, address varchar, phone varchar);
create table record_link (submission_id varchar, person_id varchar);
create table coverage (
    unit_code varchar, kind varchar, period varchar, rows bigint, state varchar, expected boolean, received boolean,
    due_on date, days_late integer
);
create table identity_question (
    question_id varchar, about varchar, left_ref varchar, right_ref varchar, division_code varchar, is_asked boolean,
    first_asked_on date, score decimal(3, 2), reason varchar, consequence varchar, weight bigint, left_name varchar,
    left_number_masked varchar, left_kind varchar, left_unit_code varchar, left_file_name varchar, left_sheet varchar,
    left_row integer, right_name varchar, right_number_masked varchar, right_kind varchar, right_unit_code varchar,
    right_file_name varchar, right_sheet varchar, right_row integer, decision varchar, decided_by varchar,
    decided_on date, note varchar
);
create table monthly_statistics (
    month varchar, division_code varchar, registry varchar, households decimal(14, 2), persons decimal(14, 2),
    persons_entered bigint, grants bigint, amount decimal(18, 2), without_amount bigint, months bigint, divisions bigint,
    unit_notes varchar, counted_on date
);
create table sample_check (
    sample_id varchar, rule_code varchar, title varchar, question varchar, state varchar, household_id varchar,
    person_id varchar, subject_name varchar, subject_id_number varchar, division_code varchar, township varchar,
    week_start date, valid_until date, decided_on date, decided_by varchar, measure varchar, note varchar
);
create table rule_precision (
    rule_code varchar, title varchar, division_code varchar, closed bigint, helped_or_confirmed bigint,
    "precision" decimal(6, 4), low decimal(6, 4), high decimal(6, 4)
);
create table rule_missed (
    rule_code varchar, title varchar, division_code varchar, population bigint, sampled bigint, checked bigint, found bigint,
    share decimal(6, 4), low decimal(6, 4), high decimal(6, 4), missed bigint, missed_low bigint, missed_high bigint
);
create table release as select date '2026-10-31' as run_date;
insert into submission values ('s-survey', 'd01'), ('s-dibao2', 'd02'), ('s-medical', 'medical_insurance');
insert into coverage values
    ('d01', 'dibao_person', '2026-10', 812, 'fresh', true, true, '2026-10-11', 0),
    ('d01', 'dibao_person', '2026-09', 0, 'absent', true, false, '2026-09-11', 50),
    ('d01', 'survey_household', '2026-11', 0, 'absent', false, false, null, null),
    ('d02', 'dibao_person', '2026-07', 640, 'late', true, true, null, null),
    ('medical_insurance', 'medical_expense', '', 0, 'absent', true, false, '2026-10-11', 20);
"""
FRESHNESS = {
    "registries": [
        {
            "registry": "dibao",
            "unit_name": "青禾区",
            "period": "2026-10",
            "is_current": True,
            "is_whole": False,
            "is_evidence": False,
        },
        {"registry": "edge", "unit_name": "云岫区", "period": "2026-05", "is_current": False, "is_evidence": True},
        {"registry": "tekun", "unit_name": "青禾区", "period": None, "is_current": False, "is_evidence": False},
    ],
    "oldest_evidence": "2026-09-02",
    "newest_evidence": "2026-10-28",
    "household_size": 3,
    "members_listed": 2,
}
INCOME = {
    "fact": "家庭年总收入", "value": "6000.00", "original_text": "6,000元", "file_name": "摸底排查10月.xlsx", "sheet": "北营镇",
    "row": 12, "column": "F", "header": "家庭年总收入(元)", "submission_id": "s-survey", "as_of": "2026-10-12",
}  # fmt: skip
BURDEN = {
    "fact": "个人负担", "value": "8600.00", "original_text": "8600", "file_name": "医保.csv", "sheet": "", "row": 70210,
    "column": "", "header": "个人负担总金额", "submission_id": "s-medical", "as_of": "2026-10-28",
}  # fmt: skip
ROSTER = {
    "fact": "开始享受月份", "value": "2025-04", "original_text": "2025.4", "file_name": "云岫低保人员.xls", "sheet": "Sheet1",
    "row": 45, "column": "K", "header": "最初享受月份", "submission_id": "s-dibao2", "as_of": "2026-10",
}  # fmt: skip


def number(place: int) -> str:
    return f"9901011980010{place:02d}01X"


def warning(place, code, level, **more):
    row = {
        "warning_id": f"{place:04}12345678901234567890abcdef1234567890", "rule_code": code, "title": "收入低于低保标准未纳入", "level": level,
        "status": "open", "household_id": f"h{place:02d}", "person_id": f"p{place:02d}", "subject_name": f"某{place}",
        "subject_id_number": number(place), "division_code": "d01", "township": "北营镇", "first_seen_on": date(2026, 10, 20),
        "due_on": date(2026, 11, 4), "reason": "家庭3人年总收入6000.00元,人均每月166.67元,低于当地低保标准720.00元。",
        "caveat": "收入可能漏报或已变化;当事人可出示工资流水、土地流转合同。", "remark": None,
        "evidence": [INCOME], "freshness": FRESHNESS,
    } | more  # fmt: skip
    return row | {"evidence": json.dumps(row["evidence"]), "freshness": json.dumps(row["freshness"])}


def household(place, level, colour, codes, **more):
    return {
        "household_id": f"h{place:02d}", "head_name": f"户主{place}", "head_id_number": number(place), "division_code": "d01",
        "township": "北营镇", "size": 3, "level": level, "colour": colour, "codes": codes,
        "open_count": codes.count(",") + 1, "oldest_on": date(2026, 10, 20), "referrals": "医疗救助,社工站", "change": "new",
    } | more  # fmt: skip


def release(warnings=(), households=(), links=(("s-survey", "p01"),)):
    con = duckdb.connect()
    con.execute(SCHEMA)
    for table, rows in (("warning_list", warnings), ("household_warning", households)):
        for row in rows:
            names = ", ".join(row)
            con.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))
    con.executemany("insert into record_link values (?, ?)", [list(link) for link in links])
    return con


@pytest.fixture
def usual():
    return release(
        [
            warning(3, "A02", "yellow", title="收入低于边缘标准未认定", due_on=date(2026, 10, 28)),
            warning(1, "A01", "red"),
            warning(11, "A04", "orange", household_id="h01", title="大额医疗自付", evidence=[BURDEN] * 8, status="verifying"),
            warning(2, "A01", "red", due_on=date(2026, 10, 29), subject_name="=HYPERLINK(\"http://x\")", person_id="p02"),
            warning(5, "A01", "red", division_code="d02", township="南营镇"),
            warning(6, "B03", "orange", title="同一保障多地在册", household_id="h05", evidence=[ROSTER, INCOME]),
            warning(7, "A04", "orange", title="大额医疗自付", division_code="bureau", household_id="h07", evidence=[BURDEN]),
        ],
        [
            household(3, "yellow", "黄", "A02", change="worse"),
            household(1, "red", "赤", "A01,A04", change="same"),
            household(2, "red", "赤", "A01"),
            household(5, "red", "赤", "A01,B03", division_code="d02", township="南营镇"),
            household(7, "orange", "橙", "A04", division_code="bureau"),
        ],
    )  # fmt: skip


def written(con, tmp_path, units=UNITS):
    paths = lists.write(con, tmp_path, units, DAY, KIND_TITLES)
    return {path.stem: openpyxl.load_workbook(path) for path in paths}


def table(book, sheet):
    rows = list(book[sheet].iter_rows(min_row=2, values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_one_book_per_division_and_one_for_all(usual, tmp_path):
    paths = lists.write(usual, tmp_path, UNITS, DAY, KIND_TITLES)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "2026-10-31/bureau.xlsx", "2026-10-31/d01.xlsx", "2026-10-31/d02.xlsx"
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "bureau.xlsx",
        "d01.xlsx",
        "d02.xlsx",
    ]


def test_the_most_urgent_household_is_first(usual, tmp_path):
    rows = table(written(usual, tmp_path)["d01"], "户")
    assert [(row["户主"], row["级别"], row["颜色"]) for row in rows] == [
        ("户主2", "红色", "赤"), ("户主1", "红色", "赤"), ("户主3", "黄色", "黄")
    ]  # fmt: skip
    assert [row["户序号"] for row in rows] == [1, 2, 3]
    assert [row["比上次"] for row in rows] == ["新增", "不变", "加重"]
    second = rows[1]
    assert second["预警事项"] == "A01 收入低于低保标准未纳入\nA04 大额医疗自付"
    assert (second["待办预警\n（条）"], second["家庭人口\n（人）"], second["可转介的服务"]) == (
        2,
        3,
        "医疗救助、社工站",
    )
    assert second["最早发现"].date() == date(2026, 10, 20)


def test_warnings_stand_by_household_and_there_by_level(usual, tmp_path):
    rows = table(written(usual, tmp_path)["d01"], "预警")
    assert [(row["户序号"], row["级别"], row["预警事项"][:3]) for row in rows] == [
        (1, "红色", "A01"), (2, "红色", "A01"), (2, "橙色", "A04"), (3, "黄色", "A02"), (None, "橙色", "B03")
    ]  # fmt: skip
    assert [row["户主"] for row in rows] == ["户主2", "户主1", "户主1", "户主3", None], (
        "not the head of another division"
    )
    assert [row["状态"] for row in rows] == ["待核查", "待核查", "核查中", "待核查", "待核查"]


def test_due_today_is_not_overdue_and_the_day_after_is(tmp_path):
    con = release(
        [warning(1, "A01", "red", due_on=DAY), warning(2, "A01", "red", due_on=date(2026, 10, 30))],
        [household(1, "red", "赤", "A01"), household(2, "red", "赤", "A01")],
    )
    rows = table(written(con, tmp_path)["d01"], "预警")
    assert {row["姓名"]: row["已逾期\n（天）"] for row in rows} == {"某1": None, "某2": 1}
    assert rows[0]["办理期限"].date() == date(2026, 10, 30)


def test_a_division_sees_its_own_people_only(usual, tmp_path):
    books = written(usual, tmp_path)
    own = {(sheet.title, cell.value) for sheet in books["d02"] for row in sheet.iter_rows() for cell in row}
    text = " ".join(str(value) for _, value in own)
    assert [row["姓名"] for row in table(books["d02"], "预警")] == ["某5"]
    assert not any(name in text for name in ("某1", "户主1", "某6", "户主3", "北营镇"))
    assert len(table(books["bureau"], "预警")) == 7 and len(table(books["bureau"], "户")) == 5
    assert {row["单位"] for row in table(books["bureau"], "预警")} == {"青禾区", "云岫区", "民政局（本级）"}
    assert "单位" not in table(books["d01"], "预警")[0]


def test_a_number_is_full_only_where_nobody_could_find_the_person_otherwise(usual, tmp_path):
    books = written(usual, tmp_path)
    own = {row["姓名"]: row["证件号码"] for row in table(books["d01"], "预警")}
    assert own["某1"] == "990101********01X", "a list of the division itself names this person"
    assert own["某3"] == number(3)
    of_all = {row["姓名"]: row["证件号码"] for row in table(books["bureau"], "预警")}
    assert of_all["某1"] == of_all["某3"] == "990101********01X"
    assert of_all["某7"] == number(7), "in no division: the bureau itself must find this person"
    assert all("*" in row["户主证件号码"] for book in books.values() for row in table(book, "户"))


def test_numbers_in_free_text_are_masked(tmp_path):
    fact = INCOME | {"file_name": f"{number(1)}.xlsx"}
    con = release(
        [warning(1, "A01", "red", reason=f"{number(1)}的收入低", evidence=[fact])], [household(1, "red", "赤", "A01")]
    )
    (row,) = table(written(con, tmp_path)["d01"], "预警")
    assert row["为什么列出"] == "990101********01X的收入低"
    assert number(1) not in row["依据和来源（文件/工作表/行列）"]


def test_evidence_names_the_cell_but_not_another_divisions_file(usual, tmp_path):
    books = written(usual, tmp_path)
    column = "依据和来源（文件/工作表/行列）"
    own = {row["姓名"]: row[column] for row in table(books["d01"], "预警")}
    assert own["某1"] == "家庭年总收入：6000.00（青禾区/摸底排查10月.xlsx/北营镇/第12行F列）"
    assert own["某6"].splitlines()[0] == "开始享受月份：2025-04（云岫区）"
    assert len(own["某11"].splitlines()) == 7 and own["某11"].splitlines()[-1].startswith("……另有 2 项")
    of_all = {row["姓名"]: row[column] for row in table(books["bureau"], "预警")}
    assert "云岫低保人员.xls/Sheet1/第45行K列" in of_all["某6"]


def test_freshness_is_said_in_words():
    said = lists.freshness_text(json.dumps(FRESHNESS), "名单不是最新（低保边缘），保留原预警")
    assert said.splitlines() == [
        "名单不是最新（低保边缘），保留原预警",
        "依据的名册：云岫区低保边缘 2026-05（已过期）",
        "核对过的名册：青禾区低保 2026-10（不完整）、青禾区特困没有可用的",
        "依据的日期：最早 2026-09-02，最近 2026-10-28",
        "家庭 3 人，名单中只有 2 人可用",
    ]
    assert lists.freshness_text("{}", None) == ""


def test_nothing_comes_alive(tmp_path):
    hostile = [
        "=1+1",
        "{=1+1}",
        "+1",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "https://x.example/",
        "#REF!",
        "_x0041_",
        "\x0b\x00坏",
        "0123",
    ]
    con = release(
        [
            warning(n, "A01", "red", subject_name=text, reason=text, township=text, caveat=text)
            for n, text in enumerate(hostile)
        ],
        [household(n, "red", "赤", "A01", head_name=text, referrals=text) for n, text in enumerate(hostile)],
    )
    book = written(con, tmp_path)["d01"]
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" and cell.hyperlink is None for cell in row)
    sheet = book["预警"]
    at = [cell.value for cell in sheet[2]].index("姓名")
    names = [row[at] for row in sheet.iter_rows(min_row=3)]
    assert {"=1+1", "+1", "@SUM(A1)", "https://x.example/", "#REF!", "0123"} <= {cell.value for cell in names}
    assert all(cell.data_type == "s" and cell.number_format == "@" and cell.quotePrefix for cell in names)


def test_what_is_filled_in_has_drop_downs_on_every_line(usual, tmp_path):
    sheet = written(usual, tmp_path)["d01"]["预警"]
    headers = [cell.value for cell in sheet[2]]
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    letters = {
        header: openpyxl.utils.get_column_letter(headers.index(header) + 1) for header in (*FILLED_IN, WARNING_NUMBER)
    }
    of = {header: rules[f"{letter}3:{letter}7"] for header, letter in letters.items()}
    assert of["核查结果"].formula1.strip('"').split(",") == list(OUTCOME_TITLES.values())
    assert of["核查结果"].errorStyle in (None, "stop")
    assert of["处置措施"].errorStyle == "information", "own words are welcome"
    assert of["核查日期"].type == "date" and of["核查人"].type == "textLength"
    assert sheet[f"{letters['核查日期']}3"].number_format == "yyyy-mm-dd"
    said = [sheet[f"{letters[header]}{row}"].value for header in FILLED_IN for row in range(3, 8)]
    assert [text for text in said if text is not None] == ["核查中"], "what was recorded already stands there"
    for rule in rules.values():
        assert len(rule.formula1 or "") <= 257 and len(rule.prompt or "") <= 255 and len(rule.promptTitle or "") <= 32


def test_the_number_that_must_come_back_is_whole_text_on_every_line(usual, tmp_path):
    rows = table(written(usual, tmp_path)["d01"], "预警")
    assert sorted(row[WARNING_NUMBER] for row in rows) == sorted(
        f"{n:04}12345678901234567890abcdef1234567890" for n in (1, 2, 3, 6, 11)
    )


def test_pages_are_made_for_paper_and_screen(usual, tmp_path):
    book = written(usual, tmp_path)["d01"]
    for name, frozen in (("户", "F3"), ("预警", "F3")):
        sheet = book[name]
        assert sheet.freeze_panes == frozen
        assert sheet.auto_filter.ref.startswith("A2:")
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert sheet.print_title_rows == "$2:$2" and sheet.page_setup.fitToHeight == 0
    assert "预警编号" not in [
        cell.value for row in book["预警"][book["预警"].print_area.replace("'预警'!", "")] for cell in row
    ]


def test_an_empty_list_says_so_and_why(tmp_path):
    books = written(release(), tmp_path)
    for name in ("户", "预警"):
        said = books["d01"][name]["A3"].value
        assert said.startswith("截至 2026-10-31，青禾区没有待办预警。") and "有 1 份名单没有收到、不完整或过期" in said
    notes = "\n".join(str(row[1]) for row in books["d01"]["说明"].iter_rows(values_only=True))
    assert "高额医疗费用（没有报送，晚了 20 天）" in notes
    assert "应有名单 2 份：收到 1 份，没有收到、扣着或过期的 1 份。下列名单" in notes
    assert "低保人员" not in notes, "its latest list is fresh; an older absent month does not matter"
    of_d02 = "\n".join(str(row[1]) for row in books["d02"]["说明"].iter_rows(values_only=True))
    assert "低保人员（逾期未更新，最近一期 2026-07）" in of_d02


def test_an_empty_list_with_everything_there_says_that(tmp_path):
    con = release()
    con.execute("delete from coverage where state <> 'fresh'")
    books = written(con, tmp_path)
    assert "所依据的 1 份名单都按期收到了" in books["d01"]["预警"]["A3"].value
    assert "还没有收到任何名单" in books["d02"]["预警"]["A3"].value


def arrived(con, tmp_path):
    """(why an empty list is empty, what sheet 说明 says of the lists it rests on) for d01."""
    book = written(con, tmp_path)["d01"]
    rows = [row[:2] for row in book["说明"].iter_rows(values_only=True)]
    return book["预警"]["A3"].value, rows[[row[0] for row in rows].index("依据的名单到了没有") + 1 :]


def test_a_list_that_is_not_due_yet_is_not_missing(tmp_path):
    """On the first of a month last month's rosters are in use, and nobody is late."""
    con = release()
    con.execute("delete from coverage where unit_code <> 'd01' or state <> 'fresh'")
    con.execute("update coverage set days_late = 3")
    assert arrived(con, tmp_path) == (
        "截至 2026-10-31，青禾区没有待办预警。所依据的 1 份名单都收到了；按现行规则，没有发现需要上门核查的情况。",
        [("总数", "应有名单 1 份：收到 1 份（其中晚到 1 份）。")],
    )
    con.execute(
        "insert into coverage values ('d01', 'dibao_person', '2026-11', 0, 'absent', true, false, '2026-11-11', 0)"
    )
    assert arrived(con, tmp_path) == (
        "截至 2026-10-31，青禾区没有待办预警。应有的 1 份名单里，还没到应报日的 1 份（有上一期的，先用上一期）；"
        "按现行规则，没有发现需要上门核查的情况。",
        [("总数", "应有名单 1 份：收到 0 份，还没到应报日的 1 份（有上一期的，先用上一期）。")],
    )


@pytest.mark.parametrize(
    ("used", "asked", "days", "said"),
    [
        ("late", "absent", 0, "逾期未更新，最近一期 2026-10"), ("incomplete", "absent", 0, "不完整，最近一期 2026-10"),
        ("fresh", "absent", 2, "没有报送，晚了 2 天，最近一期 2026-10"),
        ("late", "absent", 2, "没有报送，晚了 2 天，最近一期 2026-10，逾期未更新"),
        ("fresh", "shrunken", 0, "有一份扣着，待市局确认，最近一期 2026-10"),
    ],
)  # fmt: skip
def test_a_list_past_its_due_day_or_no_longer_fresh_is_named(tmp_path, used, asked, days, said):
    con = release()
    con.execute("delete from coverage where unit_code <> 'd01' or state <> 'fresh'")
    con.execute("update coverage set state = ?", [used])
    con.execute(
        "insert into coverage values ('d01', 'dibao_person', '2026-11', 0, ?, true, false, '2026-11-11', ?)",
        [asked, days],
    )
    why, (_, named) = arrived(con, tmp_path)
    assert named == ("青禾区", f"低保人员（{said}）")
    assert "有 1 份名单没有收到、不完整或过期" in why


def test_lists_of_a_unit_of_which_the_same_is_said_are_named_together(tmp_path):
    con = release()
    con.execute("update coverage set state = 'incomplete' where unit_code = 'd01' and state = 'fresh'")
    con.execute(
        "insert into coverage select * replace ('survey_household' as kind) from coverage where state = 'incomplete'"
    )
    _, (_, named, _) = arrived(con, tmp_path)
    assert named == ("青禾区", "低保人员、低收入人口摸底排查（户）（都是：不完整）")


def test_a_list_too_long_to_work_with_says_how_much_is_left_out(usual, tmp_path, monkeypatch):
    monkeypatch.setattr(list_book, "MOST_ROWS", 2)
    sheet = written(usual, tmp_path)["d01"]["预警"]
    assert "只列最急的 2 行，还有 3 行没有列出" in sheet["A1"].value
    assert sheet.max_row == 4


def test_same_release_same_bytes(usual, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = [path.read_bytes() for path in lists.write(usual, tmp_path / "a", UNITS, DAY, KIND_TITLES)]
    second = [path.read_bytes() for path in lists.write(usual, tmp_path / "b", UNITS, DAY, KIND_TITLES)]
    assert first == second


def statistic(month, unit, registry, households, persons, **more):
    return {
        "month": month, "division_code": unit, "registry": registry, "households": households, "persons": persons,
        "persons_entered": 3, "grants": None, "amount": None, "without_amount": 0, "months": 1, "divisions": 1,
        "unit_notes": "户数：户，人数：人", "counted_on": DAY,
    } | more  # fmt: skip


def test_the_sheet_of_statistics_says_units_and_dates_newest_first_and_to_each_its_own(tmp_path):
    con = release()
    for row in (
        statistic("2026-09", "all", "dibao", 2, 3, amount="1234567.80"),
        statistic("2026", "all", "dibao", "2.50", "3.25", amount="2469135.60", months=2),
        statistic("2026-10", "all", "temporary", 1, 1, grants=4),
        statistic("2026-10", "d01", "dibao", 2, 3),
        statistic("2026-10", "d02", "edge", 1, 2),
        statistic("2025-12", "all", "dibao", 9, 9),
    ):
        con.execute(
            f"insert into monthly_statistics ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    books = written(con, tmp_path)
    rows = table(books["bureau"], "月度统计")
    assert [(row["时间"], row["单位"], row["类别"]) for row in rows] == [
        ("2026年（月均）", "全市", "低保"), ("2026年10月", "全市", "临时救助"), ("2026年10月", "青禾区", "低保"),
        ("2026年10月", "云岫区", "低保边缘"), ("2026年9月", "全市", "低保"), ("2025年12月", "全市", "低保"),
    ]  # fmt: skip
    year, grants, *_ = rows
    assert (year["户数\n（户）"], year["人数\n（人）"], year["金额\n（元）"]) == (2.5, 3.25, 2469135.6)
    assert (grants["已发放临时救助\n（人次）"], grants["金额\n（元）"]) == (4, "—"), "unknown is not zero"
    assert all(row["统计日期"].date() == DAY and "户数：户" in row["单位和口径"] for row in rows)
    heads = {cell.value: cell.column for cell in books["bureau"]["月度统计"][2]}
    words = books["bureau"]["月度统计"].cell(3, heads["单位和口径"])
    assert words.alignment.indent == 1, "a number that ends at the line to its left does not run into the words"
    assert [row["单位"] for row in table(books["d01"], "月度统计")] == ["青禾区"]
    assert [row["单位"] for row in table(books["d02"], "月度统计")] == ["云岫区"]


def test_without_rosters_the_sheet_says_that_there_is_nothing_to_count(tmp_path):
    sheet = written(release(), tmp_path)["d01"]["月度统计"]
    assert "没有可统计的数" in sheet["A3"].value


def sample(place, unit="d01", **more):
    return {
        "sample_id": f"{place:032d}", "rule_code": "A01", "title": "收入低于低保标准未纳入", "question": "摸底家庭人均收入低于低保标准",
        "state": "open", "household_id": f"h{place}", "person_id": f"p{place:02d}", "subject_name": f"某{place}",
        "subject_id_number": number(place), "division_code": unit, "township": "北营镇", "week_start": date(2026, 10, 26),
        "valid_until": date(2026, 12, 29),
    } | more  # fmt: skip


def insert(con, table, *rows):
    for row in rows:
        con.execute(
            f"insert into {table} by name select {', '.join(f'? as {name}' for name in row)}", list(row.values())
        )


def test_a_sample_says_that_it_is_one_and_is_filled_in_like_a_warning(usual, tmp_path):
    insert(
        usual, "sample_check",
        sample(1), sample(2, week_start=date(2026, 10, 19), valid_until=date(2026, 12, 22), state="verifying", note="约了周五"),
        sample(4, "d02"), sample(8, state="checked"), sample(9, state="lapsed"),
    )  # fmt: skip
    books = written(usual, tmp_path)
    rows = table(books["d01"], "抽样核查")
    assert [(row["序号"], row["姓名"], row["证件号码"]) for row in rows] == [
        (1, "某2", number(2)), (2, "某1", "990101********01X"),
    ]  # fmt: skip
    assert {row["这是什么"] for row in rows} == {"随机抽样\n不是预警"}
    assert (rows[0]["核查结果"], rows[0]["说明"], rows[1]["核查结果"]) == ("核查中", "约了周五", None)
    assert rows[0]["列到"].date() == date(2026, 12, 22) and rows[0][SAMPLE_NUMBER] == f"{2:032d}"
    assert len(table(books["bureau"], "抽样核查")) == 3 and len(table(books["d01"], "预警")) == 5
    sheet = books["d01"]["抽样核查"]
    assert "随机抽样，不是预警" in sheet["A1"].value
    lists_of = [
        rule.formula1.strip('"').split(",") for rule in sheet.data_validations.dataValidation if rule.type == "list"
    ]
    assert list(OUTCOME_TITLES.values()) in lists_of
    assert "没有抽中" in written(release(), tmp_path)["d01"]["抽样核查"]["A3"].value


def test_how_good_a_rule_is_and_what_it_may_miss_stand_side_by_side(usual, tmp_path):
    insert(usual, "rule_precision", {
        "rule_code": "B01", "title": "死亡后仍在册", "division_code": "d01", "closed": 0, "helped_or_confirmed": 0, "low": 0, "high": 1,
    }, {"rule_code": "A01", "title": "收入低", "division_code": "all", "closed": 10, "helped_or_confirmed": 8, "precision": 0.8,
        "low": 0.4902, "high": 0.9433})  # fmt: skip
    insert(usual, "rule_missed", {
        "rule_code": "A01", "title": "收入低", "division_code": "all", "population": 12000, "sampled": 30, "checked": 20, "found": 1,
        "share": 0.05, "low": 0.0089, "high": 0.2361, "missed": 600, "missed_low": 106, "missed_high": 2834,
    }, {"rule_code": "A01", "title": "收入低", "division_code": "d01", "population": 900, "sampled": 2, "checked": 0, "found": 0})  # fmt: skip
    books = written(usual, tmp_path)
    whole, part, review = table(books["bureau"], "规则成效")
    assert (whole["规则"], whole["单位"], whole["准确率"], whole["准确率的\n95%区间"]) == (
        "A01 收入低",
        "全市",
        0.8,
        "49.0% 至 94.3%",
    )
    assert (whole["漏查比例"], whole["估计漏查\n（人或户）"], whole["估计漏查的\n95%区间"]) == (
        0.05,
        600,
        "106 至 2,834",
    )
    assert (part["单位"], part["漏查比例"], part["估计漏查\n（人或户）"], part["准确率"]) == ("青禾区", "—", "—", "—")
    assert (review["规则"][:3], review["准确率"], review["准确率的\n95%区间"], review["漏查比例"]) == (
        "B01",
        "—",
        "—",
        "—",
    )
    assert whole["统计日期"].date() == DAY
    assert [row["规则"][:3] for row in table(books["d01"], "规则成效")] == ["A01", "B01"]
    assert "还没有可统计的数" in books["d02"]["规则成效"]["A3"].value


# for a visit -------------------------------------------------------------------------------------------------------


def test_a_division_s_list_says_where_its_people_are_found_and_the_bureau_s_does_not(usual, tmp_path):
    usual.execute(
        "insert into visit_contact values ('h01', 'd01', '=北营镇第3社区', '0991-123'), ('h05', 'd02', '南营镇1号', '1')"
    )
    books = written(usual, tmp_path)
    rows = table(books["d01"], "预警")
    assert {(row["姓名"], row["住址"], row["电话"]) for row in rows if row["住址"]} == {
        ("某1", "=北营镇第3社区", "0991-123"), ("某11", "=北营镇第3社区", "0991-123")
    }, "B03 is about a household of another division"  # fmt: skip
    assert [row["住址"] for row in table(books["d02"], "预警")] == ["南营镇1号"]
    assert not {"住址", "电话"} & set(table(books["bureau"], "预警")[0])
    address = next(cell for row in books["d01"]["预警"].iter_rows() for cell in row if cell.value == "=北营镇第3社区")
    assert address.data_type == "s", "text, never a formula"


@pytest.mark.parametrize("name", ["预警", "抽样核查"])
def test_what_is_to_be_filled_in_stands_on_a_screen_of_1600_pixels(usual, tmp_path, name):
    """A character is 7 pixels wide, a column has 5 of margin; row numbers and the scroll bar take 60."""
    sheet = written(usual, tmp_path)["d01"][name]
    headers = [cell.value for cell in sheet[2]]
    last = headers.index(FILLED_IN[-1]) + 1
    assert {*FILLED_IN, "住址", "电话"} <= set(headers[:last])
    widths = [sheet.column_dimensions[cell.column_letter].width for cell in sheet[2][:last]]
    assert (sum(7 * width for width in widths)) * sheet.sheet_view.zoomScale / 100 + 60 <= 1600


def test_a_question_of_the_bureau_is_answered_on_a_screen_of_1600_pixels(usual, tmp_path):
    """The bureau's list has a column more than a division's."""
    sheet = written(usual, tmp_path)["bureau"]["身份疑问"]
    headers = [cell.value for cell in sheet[2]]
    last = headers.index(JUDGED[-1]) + 1
    assert {"由谁判断", *JUDGED} <= set(headers[:last])
    widths = [sheet.column_dimensions[cell.column_letter].width for cell in sheet[2][:last]]
    assert sum(7 * width for width in widths) * sheet.sheet_view.zoomScale / 100 + 60 <= 1600
