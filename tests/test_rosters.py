"""Which rosters are whole: what is known to be missing, what ends it, and that no damage lists anybody who was not listed before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from low_income import advice, warehouse
from low_income.model import Reading, Refusal
from low_income.night import rosters
from low_income.reading import layout
from low_income.records.ledger import LeftFile, Night, Submission
from low_income.settings.contracts import load
from low_income.settings.home import Home

from tests import sql_kit
from tests.night_kit import DAY, number

PERSON = ("姓名", "身份证号", "户主身份证号", "与户主关系", "数据月份")


class Kept:
    """A ledger with these words of the data officer and these answers of databases; `lying`: what was not taken, every night until DAY."""

    def __init__(self, *confirmed: str, lying: Sequence[LeftFile] = (), **sources: str) -> None:
        self.confirmed, self.asked, self.lying = confirmed, sources, lying

    def left(self, day: date) -> list[LeftFile]:
        return [each for each in self.lying if each.first_on <= day]

    def nights(self) -> list[Night]:
        nights = (DAY, LATER)
        return [Night(each, datetime(2026, 10, 31, tzinfo=UTC), None, "done", "", {}) for each in nights]

    def confirmed_gaps(self, day: date) -> dict[str, str]:
        return dict.fromkeys(self.confirmed, "")

    def sources(self, day: date) -> dict[str, tuple[str, int, str]]:
        return {name: (state, 0, "") for name, state in self.asked.items()}


def sent(
    file_name: str, outcome: str = "accepted", *, kind: str | None = "dibao_person", night: date = DAY, **more: Any
) -> Submission:
    """A submission of d01 with 100 rows; `code` is that of its refusal, `gaps` what its reading says."""
    code, left_out = more.pop("code", None), more.pop("gaps", [])
    aside = more.pop("set_aside", 0)
    reading = Reading(kind, refusal=Refusal(code, "退回", "改") if code else None, gaps=left_out).as_json()
    period = more.pop("period", "" if outcome == "refused" else "2026-10")
    return Submission(
        submission_id=f"{file_name}{night}{kind}", file_id=file_name, unit_code=more.pop("unit_code", "d01"), kind=kind, file_name=file_name,
        sha256=more.pop("sha256", f"{file_name}{night}"), received_at=datetime(2026, 10, 31, tzinfo=UTC), night=night,
        received_seq=night.toordinal() * 100 + more.pop("order", 0), period=period, rows_read=100, rows_accepted=100 - aside,
        rows_set_aside=aside, rows_out_of_scope=0, outcome=outcome, reason=more.pop("reason", ""), superseded_by=None,
        replace="period", reading=reading, contract_digest="", scope_digest=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("rosters") / "home"
    Home.create(root)
    return Home.open(root)


def found(
    home: Home, *submissions: Submission, day: date = DAY, ledger: Kept | None = None
) -> list[tuple[str, str, str]]:
    """(kind, month, sort) of each gap."""
    gaps = rosters.gaps(home, ledger or Kept(), list(submissions), day)  # type: ignore[arg-type]
    return [(gap.kind, gap.period, gap.sort) for gap in gaps]


NORTH = sent("北片.xlsx")
SOUTH = sent("南片.xlsx", "refused", code="unrecognised", order=1)
ONE_GAP = [("dibao_person", "2026-10", "refused")]
LATER = DAY + timedelta(days=1)
DIBAO = ["dibao_household", "dibao_person"]
OWED = sorted([*rosters.monthly(), "temporary_grant"])


def test_a_roster_that_was_taken_whole_has_no_gap(home: Home) -> None:
    assert found(home, NORTH, sent("特困.xlsx", kind="tekun_person")) == []


@pytest.mark.parametrize(
    ("later", "left"),
    [
        ([], ONE_GAP),
        ([sent("南片.xlsx", night=LATER)], []),
        ([sent("南片.csv", night=LATER)], []),
        ([sent("改名.xlsx", night=LATER)], ONE_GAP),
        ([sent("改名.xlsx", night=LATER, sha256=SOUTH.sha256)], []),
        ([sent("南片.xlsx", "refused", night=LATER, code="unrecognised", period="2026-10")], ONE_GAP),
        ([sent("南片.xlsx", night=LATER, kind="tekun_person")], ONE_GAP),
        ([sent("北片.xlsx", night=LATER)], ONE_GAP),
    ],
    ids=["nothing", "same name", "another ending", "another name", "same bytes", "refused again", "another list", "another part"],
)  # fmt: skip
def test_a_refused_part_is_a_gap_until_something_takes_its_place(
    home: Home, later: list[Submission], left: list[Any]
) -> None:
    assert found(home, NORTH, SOUTH, *later, day=LATER) == left


@pytest.mark.parametrize(
    ("refused", "saved"),
    [
        ("南片.ods", "南片.xlsx"), ("南片.et", "南片.xlsx"), ("南片.xlsb", "南片.xlsx"), ("南片.numbers", "南片.xlsx"),
        ("南片.pdf", "南片.xlsx"), ("南片.html", "南片.csv"), ("南片.et", "南片.et.xlsx"), ("南片.xlsm", "南片.xlsx"),
        ("南片.dat", "南片.xlsx"),
    ],
)  # fmt: skip
def test_a_file_that_was_saved_as_it_was_told_takes_the_place_of_the_refused_one(
    home: Home, refused: str, saved: str
) -> None:
    before = sent(refused, "refused", kind=None, code="not_workbook", order=1)
    assert found(home, NORTH, before, day=LATER) != []
    assert found(home, NORTH, before, sent(saved, night=LATER), day=LATER) == []
    assert found(home, NORTH, before, sent("北片.xlsx", night=LATER), day=LATER) != []
    named = sent("名册.南片", "refused", kind=None, code="ending", order=1)
    assert found(home, NORTH, named, sent("名册.xlsx", night=LATER), day=LATER) != []


@pytest.mark.parametrize("code", ["correction_changed", "no_base", "base_changed", "nothing_changed"])
def test_a_correction_that_was_not_used_leaves_its_roster_as_it_was(home: Home, code: str) -> None:
    assert found(home, NORTH, sent("农村低保人员.更正.xlsx", "refused", kind=None, code=code, order=1)) == []


def test_the_officer_may_say_that_nobody_is_missing(home: Home) -> None:
    assert found(home, NORTH, SOUTH, ledger=Kept(SOUTH.submission_id)) == []
    assert found(home, NORTH, SOUTH, ledger=Kept(NORTH.submission_id)) == ONE_GAP


def test_the_answer_to_the_question_which_of_two_holds_ends_it(home: Home) -> None:
    question = sent(
        "南片改.xlsx",
        "refused",
        night=LATER,
        period="2026-10",
        reason=f"与{DAY}收到的《南片.xlsx》有一半以上的人员相同",
    )
    south, day = sent("南片.xlsx"), LATER + timedelta(days=1)
    assert found(home, NORTH, south, question, day=day) == ONE_GAP
    assert found(home, NORTH, south, question, sent("南片.xlsx", night=day), day=day) == []
    assert found(home, NORTH, south, question, sent("北片.xlsx", night=day), day=day) == ONE_GAP


def lying(name: str, sort: str = "unfinished", since: date = DAY, until: date = LATER) -> LeftFile:
    return LeftFile(f"{name}{since}", "d01", name, sort, since, until)


@pytest.mark.parametrize(
    ("left", "kinds"),
    [
        (lying("农村低保人员.csv.filepart"), DIBAO),
        (lying("农村低保人员.filepart"), DIBAO),
        (lying("片区/农村低保人员.csv.PART"), DIBAO),
        (lying("农村低保人员.csv.filepart", until=DAY), DIBAO),
        (lying("农村低保人员.csv", "moving"), DIBAO),
        (lying("农村低保人员.csv~", "backup"), DIBAO),
        (lying("~$农村低保人员.xlsx", "by_programs"), DIBAO),
        (lying("农村低保人员.xlsx.done", "mark"), DIBAO),
        (lying("名册.csv.filepart"), OWED),
        (lying("名册.csv", "moving"), OWED),
        (lying("未确认 271828.crdownload"), OWED),
        (lying("未确认 271828.crdownload", until=DAY), []),
        (lying("3F2A1B00.tmp"), OWED),
        (lying("合影.jpg.filepart"), []),
        (lying("合影.jpg", "moving"), []),
        (lying("Thumbs.db", "by_programs"), []),
        (lying("农村低保人员.cdx", "companion"), []),
        (lying("临时救助台账.csv.filepart"), ["temporary_grant"]),
        (lying("农村低保人员.csv.filepart", since=LATER + timedelta(days=1)), []),
    ],
)
def test_what_was_not_taken_from_the_inbox_may_be_the_list_that_its_name_speaks_of(
    home: Home, left: LeftFile, kinds: list[str]
) -> None:
    """Where the name tells nothing, it may be any roster of the division; it counts after it was taken out, but not then."""
    gaps = found(home, NORTH, day=LATER, ledger=Kept(lying=[left]))
    monthly = rosters.monthly()
    assert gaps == [(kind, "2026-10" if kind in monthly else "", "not_taken") for kind in kinds]


@pytest.mark.parametrize(
    ("left", "came", "is_gap"),
    [
        (lying("南片低保.csv.filepart"), [sent("南片低保.csv")], False),
        (lying("南片低保.csv.filepart"), [sent("南片低保.xlsx", night=LATER)], False),
        (lying("南片低保.csv.filepart", since=LATER), [sent("南片低保.csv")], True),
        (lying("南片低保.csv.filepart"), [sent("南片低保.csv", "repeated", night=LATER)], False),
        (lying("南片低保.csv.filepart"), [sent("别的低保.csv", night=LATER)], True),
        (lying("南片低保.csv", "moving", since=LATER), [sent("南片低保.csv")], True),
        (lying("南片低保.csv.bak", "backup", since=DAY), [sent("南片低保.csv", night=DAY.replace(day=1))], False),
        (lying("南片低保.csv.bak", "backup", since=DAY), [sent("南片低保.csv", night=date(2026, 9, 30))], True),
    ],
)
def test_the_whole_file_ends_it_and_of_a_copy_also_one_of_its_month(
    home: Home, left: LeftFile, came: list[Submission], is_gap: bool
) -> None:
    assert bool(found(home, *came, day=LATER, ledger=Kept(lying=[left]))) is is_gap
    assert found(home, *came, day=LATER, ledger=Kept(left.left_id, lying=[left])) == []


@pytest.mark.parametrize(("set_aside", "is_gap"), [(20, False), (30, False), (31, True)])
def test_too_many_rows_set_aside_are_a_gap_over_all_parts(home: Home, set_aside: int, is_gap: bool) -> None:
    bad = sent("北片.xlsx", "partly_accepted", set_aside=set_aside)
    assert bool(found(home, bad)) is is_gap
    assert found(home, bad, sent("南片.xlsx")) == []
    of_sixty = found(home, replace(bad, rows_read=60, rows_accepted=60 - set_aside))
    assert of_sixty == ([("dibao_person", "2026-10", "set_aside")] if set_aside > 20 else [])


def test_what_was_left_out_of_a_part_or_held_is_a_gap(home: Home) -> None:
    assert found(home, sent("北片.xlsx", gaps=["隐藏的工作表"])) == [("dibao_person", "2026-10", "left_out")]
    assert found(home, NORTH, sent("南片.xlsx", "held")) == [("dibao_person", "2026-10", "held")]
    ledger = sent("台账.xlsx", kind="temporary_grant", period="", gaps=["隐藏的工作表"])
    assert found(home, ledger) == [("temporary_grant", "", "left_out")]
    assert found(home, replace(ledger, kind="survey_household")) == []
    again = sent("台账.csv", kind="temporary_grant", period="", night=LATER)
    assert found(home, ledger, again, day=LATER) == []
    for other in (
        replace(again, file_name="别的.csv"),
        replace(again, kind="pension"),
        replace(again, outcome="repeated"),
    ):
        assert found(home, ledger, other, day=LATER) == [("temporary_grant", "", "left_out")]
    assert found(home, again, replace(ledger, night=LATER, received_seq=again.received_seq + 1), day=LATER) != []


def expected_of(home: Home) -> set[str]:
    kinds = load().kinds
    return {kind for unit, kind in home.expected if unit == "d01" and kinds[kind].has_gaps}


@pytest.mark.parametrize(
    ("name", "code", "kinds"),
    [
        ("低保边缘家庭成员.xlsx", "password", {"edge_household", "edge_person"}),
        ("低保南片.xlsx", "corrupt", {"dibao_household", "dibao_person"}),
        ("低保、特困人员.xlsx", "corrupt", {"dibao_household", "dibao_person", "tekun_person"}),
        ("临时救助台账.xlsx", "password", {"temporary_grant"}),
        ("房产名单.xlsx", "password", set()),
        ("通知.docx", "not_a_table", set()),
        ("特困人员.pdf", "not_a_table", {"tekun_person"}),
        ("联系人.xlsx", "unrecognised", set()),
        ("导出.xlsx", "password", None),
        ("导出.csv", "empty", None),
    ],
)
def test_a_file_that_nobody_can_tell_may_be_what_its_name_says_else_any_roster(
    home: Home, name: str, code: str, kinds: set[str] | None
) -> None:
    gaps = found(home, NORTH, sent(name, "refused", kind=None, code=code))
    assert {kind for kind, *_ in gaps} == (expected_of(home) if kinds is None else kinds)
    assert {sort for *_, sort in gaps} <= {"unknown"}


def test_an_unknown_table_with_people_in_it_may_be_any_roster(home: Home) -> None:
    unknown = sent(
        "导出.xlsx", "refused", kind=None, code="unrecognised", gaps=["文件没有读取，里面有 3 个名单上没有的身份证号"]
    )
    assert {kind for kind, *_ in found(home, unknown)} == expected_of(home)
    assert found(home, unknown, sent("导出.xlsx", night=LATER, kind="survey_person", period=""), day=LATER) == []


def test_a_month_that_is_not_known_is_that_of_its_name_or_of_what_came_with_it_and_may_be_a_later_one(
    home: Home,
) -> None:
    october = DAY.replace(day=5)
    september = sent("北片.xlsx", night=october, period="2026-09")
    for name in ("南片.xlsx", "低保南片2026年9月.xlsx"):
        [gap] = rosters.gaps(home, Kept(), [september, replace(SOUTH, file_name=name, night=october)], DAY)  # type: ignore[arg-type]
        assert (gap.period, gap.latest_period) == ("2026-09", "2026-10")
    [known] = rosters.gaps(home, Kept(), [replace(SOUTH, night=october, period="2026-08")], DAY)  # type: ignore[arg-type]
    assert (known.period, known.latest_period) == ("2026-08", "2026-08")


# ---- lists without a month


def of_partner(unit: str, file_name: str, kind: str | None, outcome: str = "refused", **more: Any) -> Submission:
    return replace(sent(file_name, outcome, kind=kind, **more), unit_code=unit, period="")


INSURED = of_partner("human_resources", "参保缴费.xlsx", "social_insurance", code="columns")


def test_a_ledger_that_was_refused_is_a_gap_from_its_night_until_a_file_of_its_name_is_taken(home: Home) -> None:
    ledger = sent("台账.xlsx", "refused", kind="temporary_grant", code="columns")
    [gap] = rosters.gaps(home, Kept(), [ledger], LATER)  # type: ignore[arg-type]
    assert (gap.kind, gap.period, gap.latest_period, gap.night, gap.sort) == ("temporary_grant", "", "", DAY, "refused")
    assert "monitor confirm" in gap.fix and "没有因它漏掉人和记录" in gap.fix
    taken = sent("台账.xlsx", kind="temporary_grant", period="", night=LATER)
    assert found(home, ledger, taken, day=LATER) == []
    assert found(home, ledger, replace(taken, file_name="别的.xlsx"), day=LATER) == [("temporary_grant", "", "refused")]
    assert found(home, ledger, ledger=Kept(ledger.submission_id)) == []


@pytest.mark.parametrize(
    ("name", "fix", "said"),
    [
        ("低保人员.xlsx", advice.UNLOCK, "请报送单位改好后用原来的文件名再交；"),
        (
            "低保人员.xls",
            advice.SAVE_AS_XLSX,
            "请报送单位改好后用原来的文件名再交（存成 .xlsx 的，只把后缀改成 .xlsx）；",
        ),
        ("低保人员.et", advice.SAVE_AS_XLSX, "请报送单位改好后用文件名“低保人员.xlsx”再交；"),
        ("低保人员.ods", advice.SAVE_AS_XLSX, "请报送单位改好后用文件名“低保人员.xlsx”再交；"),
        ("低保人员.xlsb", advice.SAVE_AS_XLSX, "请报送单位改好后用文件名“低保人员.xlsx”再交；"),
        ("低保人员.tsv", advice.add_ending(".txt"), "请报送单位改好后用文件名“低保人员.tsv.txt”再交；"),
        ("低保人员2026.10", advice.SAVE_AS_XLSX, "请报送单位改好后用文件名“低保人员2026.10.xlsx”再交；"),
        ("低保人员.zip", advice.UNPACK, "请报送单位解压后把里面的表格交来；"),
    ],
)
def test_what_was_refused_is_asked_for_under_a_name_that_it_can_have(
    home: Home, name: str, fix: str, said: str
) -> None:
    refused = sent(name, "refused", kind=None, code="password")
    refused = replace(refused, reading={"refusal": {"code": "password", "reason": "读不了", "fix": fix}})
    told = {gap.fix for gap in rosters.gaps(home, Kept(), [refused], DAY)}  # type: ignore[arg-type]
    assert len(told) == 1 and told.pop().startswith(said)


def test_a_partners_list_is_a_gap_too_and_only_of_kinds_that_it_sends(home: Home) -> None:
    assert found(home, INSURED) == [("social_insurance", "", "refused")]
    [stray] = rosters.gaps(home, Kept(), [replace(INSURED, unit_code="d01")], DAY)  # type: ignore[arg-type]
    assert (stray.unit_code, stray.kind, stray.is_elsewhere) == ("human_resources", "social_insurance", True)
    assert "请把它放进 human_resources 文件夹再交" in stray.fix
    assert found(home, replace(INSURED, unit_code="d01", kind=None, file_name="导出.xlsx"), day=LATER) == [
        (kind, "2026-10" if kind in rosters.monthly() else "", "unknown") for kind in sorted(expected_of(home))
    ]
    assert found(home, replace(INSURED, kind="unemployment")) == []
    assert found(home, of_partner("human_resources", "参保缴费.xlsx", None, code="password")) == [
        ("social_insurance", "", "unknown")
    ]
    unnamed = found(home, of_partner("human_resources", "导出.xlsx", None, code="password"))
    assert unnamed == [("pension", "", "unknown"), ("social_insurance", "", "unknown")]
    assert found(home, of_partner("human_resources", "通知.docx", None, code="not_a_table")) == []


def test_the_kinds_that_have_gaps_are_those_that_sql_asks_for_gaps() -> None:
    said = " ".join(path.read_text(encoding="utf-8") for path in warehouse.models.SQL.glob("*/*.sql"))
    asked = set(re.findall(r"list_gap\.kind = '(\w+)'", said)) | {"pension", "social_insurance"}
    assert asked - set(rosters.monthly()) == {name for name, kind in load().kinds.items() if kind.speaks_by_absence}


# ---- what a file says of itself


def readings(tmp_path: Path, sheets: dict[str, list[tuple[str, ...]]], hidden: str = "") -> list[Reading]:
    import xlsxwriter

    path = tmp_path / "低保人员.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        for name, rows in sheets.items():
            page = workbook.add_worksheet(name)
            for at, row in enumerate(rows):
                for column, value in enumerate(row):
                    page.write_string(at, column, value)
            if name == hidden:
                page.hide()
    return layout.read_submissions(path, path.name, "d01", {"division", "d01"}, tmp_path / "work")


def row(serial: int) -> tuple[str, ...]:
    return "某甲", number(serial), number(serial), "户主", "2026-10"


@pytest.mark.parametrize("hidden", ["", "郊区"])
def test_people_on_a_sheet_that_was_not_read_are_missing_but_for_those_who_stand_on_one_that_was(
    tmp_path: Path, hidden: str
) -> None:
    head = [] if not hidden else [PERSON]
    [reading] = readings(tmp_path, {"低保人员": [PERSON, row(1)], "郊区": [*head, row(1), row(3)]}, hidden)
    assert reading.kind == "dibao_person" and reading.rows_read == 1
    [said] = reading.gaps
    assert "“郊区”" in said and "1 个" in said and ("隐藏" in said) is bool(hidden)
    [reading] = readings(
        tmp_path, {"低保人员": [PERSON, row(1)], "郊区": [*head, row(1)], "说明": [("电话", "12345678901")]}, hidden
    )
    assert reading.gaps == []


def test_a_text_that_ends_within_a_row_says_so(tmp_path: Path) -> None:
    path = tmp_path / "低保人员.csv"
    lines = [",".join(each) for each in (PERSON, row(1), row(3))]
    for cut, is_gap in ((0, False), (22, True)):
        path.write_text("\n".join(lines)[: -cut or None], encoding="utf-8")
        [reading] = layout.read_submissions(path, path.name, "d01", {"division", "d01"}, tmp_path / "work")
        assert bool(reading.gaps) is is_gap, cut


# ---- the property

PEOPLE = [number(serial) for serial in range(1, 20, 2)]
REGISTRIES = ("dibao", "tekun", "edge")
HARM = ("refused", "held", "set_aside", "left_out", "unknown")


@st.composite
def damages(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, Any]]], set[tuple[str, str, str]], str]:
    """(rows of a few people on the rosters of two divisions and on the survey, the parts that suffer, how)."""
    rows: list[tuple[str, dict[str, Any]]] = []
    for at, one in enumerate(PEOPLE):
        unit = draw(st.sampled_from(["d01", "d02"]))  # of another division's roster the rules ask nobody
        survey = {"head_id_number": one, "household_no": f"H{at}", "unit_code": unit,
                  "household_size": 1, "yearly_income_fen": 100000, "area_type": "城市", "surveyed_on": "2026-10-01"}  # fmt: skip
        rows.append(("survey_household", survey))
        for registry in draw(st.lists(st.sampled_from(REGISTRIES), max_size=2, unique=True)):
            about = {
                "unit_code": unit,
                "period": draw(st.sampled_from(["2026-09", "2026-10"])),
            }
            if registry != "tekun" and draw(st.booleans()):
                rows.append((f"{registry}_household", {"head_id_number": one, **about}))
            if registry == "tekun" or draw(st.booleans()):
                rows.append((f"{registry}_person", {"id_number": one, **about}))
    there = sorted({(kind, row["unit_code"], row["period"]) for kind, row in rows if "period" in row})
    parts = set(draw(st.lists(st.sampled_from(there), min_size=1, max_size=3))) if there else set()
    return rows, parts, draw(st.sampled_from(HARM))


def listed(rows: list[tuple[str, dict[str, Any]]], gaps: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(person, registry) of everybody who is said not to be enrolled."""
    world = sql_kit.Given(DAY)
    for kind, row in rows:
        world.add(kind, row)
    for gap in gaps:
        world.add("input.gap", gap)
    answers = warehouse.ask(world.inputs(), sql_kit.models_of(sql_kit.SQL), "registry.registry_check").to_pylist()
    return {(line["person_id"], line["registry"]) for line in answers if line["answer"] == "not_enrolled"}


@pytest.mark.slow
@given(case=damages(), lost=st.data())
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_part_of_a_roster_suffers_nobody_more_is_said_not_to_be_on_it(case: Any, lost: st.DataObject) -> None:
    rows, parts, how = case
    hurt = [at for at, (kind, row) in enumerate(rows) if (kind, row["unit_code"], row.get("period")) in parts]
    gone = set(lost.draw(st.lists(st.sampled_from(hurt), min_size=1))) if hurt else set()
    gaps = [
        {"unit_code": unit, "kind": kind, "period": period, "latest_period": period, "sort": how}
        for kind, unit, period in parts
    ]
    whole = listed(rows, [])
    left = [each for at, each in enumerate(rows) if at not in gone]
    assert listed(left, gaps) <= whole


def test_every_registry_has_its_kinds() -> None:
    assert rosters.monthly() == sorted(name for name in load().kinds if name.split("_")[0] in REGISTRIES)


STRAY = {"kind": None, "code": "unknown_unit", "order": 2}


@pytest.mark.parametrize(
    ("folder", "file_name", "of_whom"),
    [
        ("望山区", "低保人员.csv", ["d13"]),
        ("小望山", "低保人员.csv", ["d14"]),
        ("", "小望山区农村低保人员.csv", ["d14"]),
        ("新建文件夹", "低保人员.csv", []),  # of whom it is nobody can say
    ],
)
def test_a_file_in_a_folder_of_no_unit_may_be_of_the_division_that_it_names(
    home: Home, folder: str, file_name: str, of_whom: list[str]
) -> None:
    stray = sent(file_name, "refused", unit_code=folder, **STRAY)
    gaps = rosters.gaps(home, Kept(), [stray], DAY)  # type: ignore[arg-type]
    assert sorted({gap.unit_code for gap in gaps}) == of_whom
    assert all(gap.unit_code in gap.fix and folder in gap.reason for gap in gaps)


def test_a_roster_that_the_bureau_dropped_is_missing_until_the_division_sends_it(home: Home) -> None:
    stray = sent("青禾区农村低保人员.csv", "refused", unit_code="bureau", order=2)
    assert found(home, NORTH, stray) == [("dibao_person", "2026-10", "refused")]
    own = sent("青禾区农村低保人员.csv", night=LATER)
    assert found(home, NORTH, stray, own, day=LATER) == []
    assert found(home, NORTH, stray, ledger=Kept(stray.submission_id)) == []


def test_a_list_of_a_partner_that_names_a_place_is_no_roster(home: Home) -> None:
    partner = sent("青禾区医疗.xlsx", "refused", unit_code="medical_insurance", **STRAY)
    assert found(home, NORTH, partner) == []
