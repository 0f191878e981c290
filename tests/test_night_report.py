"""The morning message and the status: who is missing is named, what was refused says why, nobody's data is in it."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import duckdb
import pandas as pd
import pytest
from low_income import advice
from low_income.night import issues, night_report, notify, run
from low_income.records.ledger import COMMAND, Night, Submission, Waiver
from low_income.records.ledger.parts import BROKE
from low_income.settings.home import Home
from rich.console import Console

from tests.night_kit import PERSON, book, new_home, person

DAY = date(2026, 10, 31)
SEQ = iter(range(1, 1000))


def submission(
    unit, kind, period="", outcome="accepted", *, night=DAY, rows=10, aside=0, file_name=None, reason="", fix=""
):
    seq = next(SEQ)
    taken = 0 if outcome in ("refused", "held", "repeated") else rows - aside
    return Submission(
        submission_id=f"s{seq:03d}", file_id=f"f{seq}", unit_code=unit, kind=kind, file_name=file_name or f"{kind}.xlsx",
        sha256=f"{seq:064d}", received_at=datetime(2026, 10, 31, tzinfo=UTC), night=night, received_seq=seq, period=period,
        rows_read=rows, rows_accepted=taken, rows_set_aside=aside, rows_out_of_scope=rows - taken - aside, outcome=outcome,
        reason=reason, superseded_by=None, replace="period",
        reading={"refusal": {"code": "x", "reason": reason, "fix": fix} if outcome == "refused" else None},
        contract_digest="", scope_digest=None,
    )  # fmt: skip


class Kept:
    """A ledger that holds these."""

    def __init__(self, *submissions):
        self.kept = list(submissions)

    def submissions(self):
        return self.kept

    def sources(self, day):
        return {}

    def waivers(self, day):
        return {}

    def nights(self):
        return []

    def confirmed(self, day):
        return {}

    def confirmed_gaps(self, day):
        return {}

    @property
    def decisions(self):
        return self

    def files(self, night):
        return []

    def left(self, day):
        return []

    def as_of(self, day):
        return [each for each in self.kept if each.night <= day]


@pytest.fixture
def home(tmp_path):
    Home.create(tmp_path / "home")
    return Home.open(tmp_path / "home")


def of(lines, **wanted):
    (line,) = [line for line in lines if all(line[key] == value for key, value in wanted.items())]
    return line


def words(told):
    out = io.StringIO()
    night_report.show(told, Console(file=out, width=160, highlight=False, color_system=None))
    return out.getvalue()


def message(home, told):
    return night_report.write(home.outbox, DAY, told).read_text(encoding="utf-8")


def test_every_expected_delivery_has_one_state(home):
    ledger = Kept(
        submission("d01", "dibao_person", "2026-10"),
        submission("d01", "dibao_household", "2026-10", aside=2),
        submission("d02", "dibao_person", "2026-10", "refused", reason="没有“身份证号”这一列"),
        submission("d03", "dibao_person", "2026-10", "held"),
        submission("d04", "dibao_person", "2026-09"),
        submission("medical_insurance", "medical_expense", night=date(2026, 9, 2)),
    )
    expected = night_report.status(home, ledger, DAY)["expected"]
    states = {unit: of(expected, unit_code=unit, kind="dibao_person")["state"] for unit in ("d01", "d02", "d03", "d04")}
    assert states == {"d01": "delivered", "d02": "refused", "d03": "held", "d04": "missing"}
    partly = of(expected, unit_code="d01", kind="dibao_household")
    assert (partly["state"], partly["rows_accepted"], partly["rows_set_aside"]) == ("partly", 8, 2)
    medical = of(expected, kind="medical_expense")
    assert (medical["state"], medical["period"], medical["last_night"]) == ("delivered", "", "2026-09-02")
    assert len(expected) == len(home.expected)


def test_parts_of_one_delivery_are_summed_and_superseded_ones_are_not(home):
    old = submission("d01", "dibao_person", "2026-10", rows=99)
    gone = Submission(**{**vars(old), "superseded_by": "later"})
    ledger = Kept(
        gone,
        submission("d01", "dibao_person", "2026-10", rows=30),
        submission("d01", "dibao_person", "2026-10", rows=12),
    )
    told = night_report.status(home, ledger, DAY)
    assert of(told["expected"], unit_code="d01", kind="dibao_person")["rows_accepted"] == 42
    assert of(told["registries"], unit_code="d01", kind="dibao_person")["rows"] == 42


@pytest.mark.parametrize(
    ("period", "state", "shown"),
    [("2026-10", "current", "2026-10"), ("2026-08", "current", "2026-08"), ("2026-07", "not_current", "2026-07"), ("2026-11", "absent", "")],
)  # fmt: skip
def test_a_registry_is_current_for_this_month_and_two_before(home, period, state, shown):
    told = night_report.status(home, Kept(submission("d01", "tekun_person", period)), DAY)
    line = of(told["registries"], unit_code="d01", kind="tekun_person")
    assert (line["state"], line["period"]) == (state, shown)


def test_an_old_night_does_not_see_later_files(home):
    later = submission("d01", "dibao_person", "2026-10", night=date(2026, 11, 1))
    told = night_report.status(home, Kept(later), DAY)
    assert told["received"] == []
    assert of(told["expected"], unit_code="d01", kind="dibao_person")["state"] == "missing"


def test_the_message_names_who_is_missing_and_why_a_file_came_back(home):
    ledger = Kept(
        submission("d01", "dibao_person", "2026-10"),
        submission(
            "d14",
            None,
            "",
            "refused",
            rows=0,
            file_name="[red]名单[/red].xlsx",
            reason="文件有密码",
            fix="去掉密码再交",
        ),
        submission("nowhere", None, "", "refused", rows=0, file_name="x.xlsx", reason="没有这个单位"),
    )
    told = night_report.status(home, ledger, DAY)
    text = message(home, told)
    assert "- 云岫区：低保家庭 2026-10、低保人员 2026-10" in text
    assert "- 小望山区 [red]名单[/red].xlsx（整份退回）：文件有密码。去掉密码再交。" in text
    assert "- 收件箱文件夹“nowhere”（不是单位） x.xlsx（整份退回）：没有这个单位。" in text
    assert "- 还没有发布过清单。" in text
    assert "- 青禾区：收下 1 份（读 10 行 = 收 10 + 退 0 + 不在范围 0）" in text
    assert "- 合计：收下 1 份（读 10 行 = 收 10 + 退 0 + 不在范围 0）、整份退回 2 份" in text
    assert text.startswith("# 低收入监测 2026-10-31：收到 3 份，")
    screen = words(told)
    assert "[red]名单[/red].xlsx" in screen and "缺" in screen and "云岫区" in screen


def part(text, title):
    """What stands under a heading of the message."""
    return text.split(f"## {title}\n\n")[1].split("\n\n##")[0].splitlines()


def test_the_message_begins_with_what_is_to_be_done_then_the_night_in_three_lines(home):
    released(home.warehouse, DAY)
    ledger = Kept(
        submission("d03", "dibao_person", "2026-10", "held"),
        submission("d14", None, "", "refused", rows=0, file_name="名单.xlsx", reason="文件有密码", fix="去掉密码再交"),
        submission("d13", None, "", "refused", rows=0, file_name="坏.xlsx", reason="读取程序出错"),
    )
    told = night_report.status(home, ledger, DAY)
    of(told["received"], unit_code="d13")["fault"] = "KeyError"
    text = message(home, told | {"failed": ["读数据库 医保"], "stuck": ["d05"]})
    assert text.index("## 要您办的") < text.index("## 这一夜") < text.index("## 清单")
    to_do = part(text, "要您办的")
    assert [line.partition("：")[0] for line in to_do] == [
        "1. 没有成功的步骤", f"2. 程序自己出错的文件 1 份（{home.units['d13'].name} 1 份）", f"3. 扣住的名册 1 份（{home.units['d03'].name} 1 份）",
        "4. 收件箱有文件夹没有写权限，收下的文件移不走，请改好权限（哪几个见下面）。", "5. 请催过了应报日还没有交的",
        "6. 请提醒整份退回的单位改好再交",
    ]  # fmt: skip
    assert "青禾区 6 份（晚了 20 天）" in to_do[4] and "医疗保障局 1 份（晚了 10 天）" in to_do[4]
    assert len(part(text, "这一夜")) == 3
    assert part(text, "这一夜")[1] == "- 清单：待办预警 3 条，2 户；新增 2、撤回 2、已逾期 1。"


def test_what_was_sent_back_on_an_earlier_night_is_still_to_be_done(home):
    """No night asks for nothing as long as a list is not whole."""
    ledger = Kept(
        submission("d02", None, "", "refused", file_name="低保人员.et", reason="这是 WPS 表格", fix="另存为 .xlsx"),
        submission("d01", "tekun_person", "2026-10", "refused", file_name="特困.xlsx", reason="缺列", fix="补上"),
    )
    first, second = (
        part(message(home, night_report.status(home, ledger, day)), "要您办的")
        for day in (DAY, DAY + timedelta(days=1))
    )
    assert not any("使名单不完整" in line for line in first)
    (said,) = [line for line in second if "使名单不完整" in line]
    assert said.endswith("另有 2 份文件使名单不完整（青禾区 1 份、云岫区 1 份）：办法在下面“不完整的名单”里。")


def test_a_file_of_no_unit_reminds_nobody_and_names_the_folders_once(home):
    fix = advice.use_own_folder("d01（青禾区）、d02（云岫区）")
    strays = [
        submission(unit, None, "", "refused", rows=0, file_name=f"{unit or 'x'}.xlsx", reason="没有这个单位", fix=fix)
        for unit in ("nowhere", "", "d01")
    ]
    text = message(home, night_report.status(home, Kept(*strays), DAY))
    to_do = part(text, "要您办的")
    assert sum("请提醒整份退回的单位改好再交：青禾区 1 份；" in line for line in to_do) == 1
    (said,) = [line for line in to_do if "放错地方" in line]
    assert said.endswith(
        "请问清放错地方的文件是哪个单位的，放进那个单位的文件夹：收件箱（不在任何单位的文件夹里） 1 份、收件箱文件夹“nowhere”（不是单位） 1 份。"
    )
    of_strays = [line for line in text.splitlines() if "（整份退回）" in line and "收件箱" in line]
    assert len(of_strays) == 2 and sum("已配置的单位" in line for line in of_strays) == 1


def test_a_filled_in_list_that_was_refused_is_to_be_sent_again_unless_it_was_our_fault(home, monkeypatch):
    ours = {"code": "unreadable", "reason": "程序出了问题", "fix": advice.SEND_AGAIN_WHEN_MENDED}
    theirs = {"code": "no_form", "reason": "没有“预警编号”这一列", "fix": advice.USE_OUR_LIST}
    files = [
        SimpleNamespace(unit_code=unit, file_name=f"{unit}.xlsx", refusal=refusal)
        for unit, refusal in (("d01", ours), ("d02", theirs))
    ]
    monkeypatch.setattr(Kept, "files", lambda *_, **__: files)
    text = message(home, night_report.status(home, Kept(), DAY))
    (said,) = [line for line in part(text, "要您办的") if "填好的清单" in line]
    assert "云岫区 1 份" in said and "青禾区" not in said
    assert f"云岫区 填好的清单 d02.xlsx（整份退回）：没有“预警编号”这一列。{advice.USE_OUR_LIST}。" in text


def test_advice_on_a_whole_file_is_told_once(home, monkeypatch):
    """Among those sent back, with its reason; not again among the most frequent faults, each as long as a paragraph."""
    lines = pd.DataFrame(
        {
            "unit_code": "d01", "severity": "must_fix", "state": "new", "row": [pd.NA, 3],
            "fix": ["请打开，另存为 .xlsx。号码的后三位会变成 000", "补填“姓名”"],
        }
    )  # fmt: skip
    monkeypatch.setattr(issues, "issues_as_of", lambda *_: lines)
    said = part(message(home, night_report.status(home, Kept(), DAY)), "各单位的问题，与上次相比")
    assert said == ["- 青禾区：新出现 2。最多的：补填“姓名” 1 处。"]


def test_what_our_program_cannot_get_over_is_not_said_to_have_shrunk(home):
    ours = submission("d03", "dibao_person", "2026-10", "held", reason=f"{BROKE}（建库时错在第 3 行），先扣住不用")
    told = night_report.status(home, Kept(ours), DAY)
    to_do = "\n".join(part(message(home, told), "要您办的"))
    assert f"程序自己出错的文件 1 份（{home.units['d03'].name} 1 份）" in to_do and "人数骤减" not in to_do


def test_a_quiet_night_asks_for_nothing(home):
    released(home.warehouse, date(2026, 11, 1))
    (first,) = [
        night_report.write(home.outbox, DAY, night_report.status(home, Kept(), date(2026, 11, 1))).read_text(
            encoding="utf-8"
        )
    ]
    assert part(first, "要您办的") == ["没有。"]


def test_a_night_on_which_nothing_came_says_so_once(home):
    told = night_report.status(home, Kept(), DAY)
    assert "今晚没有收到文件。" in words(told).splitlines()


def test_on_the_first_of_a_month_nothing_is_late(home):
    first, due, after = date(2026, 11, 1), date(2026, 11, 11), date(2026, 11, 12)
    said = {day: night_report.status(home, Kept(), day) for day in (first, due, after)}
    for day in (first, due):
        assert "缺 0 份" in night_report.headline(said[day])
        text = night_report.write(home.outbox, day, said[day]).read_text(encoding="utf-8")
        assert part(text, "应报而没有收下的") == [
            "- 还没到应报日：2026-11-11 以前应报的 84 份、2026-11-21 以前应报的 11 份。"
        ]
        assert "未到期" in words(said[day])
        assert "│ 缺" not in words(said[day])
    assert "缺 84 份" in night_report.headline(said[after])
    assert {line["days_late"] for line in said[after]["expected"] if line["unit_kind"] == "division"} == {1}


def test_what_the_month_before_still_lacks_is_not_forgotten_on_the_first(home):
    every = [
        (unit, kind)
        for unit in [code for code, unit in home.units.items() if unit.kind == "division"]
        for kind in ("dibao_person", "dibao_household", "tekun_person", "edge_person", "edge_household")
        if (unit, kind) in home.expected
    ]
    came = [submission(unit, kind, "2026-10") for unit, kind in every if unit != "d01"]
    sent_back = submission("d01", "dibao_person", "2026-10", "refused", reason="没有姓名一列")
    of_d01 = sum(unit == "d01" for unit, _ in every)

    def owed(day, *more):
        told = night_report.status(home, Kept(*came, sent_back, *more), day)
        return told, [line for line in told["owed"] if line["unit_code"] == "d01"]

    told, lines = owed(date(2026, 11, 1))
    assert len(lines) == of_d01 and {line["period"] for line in lines} == {"2026-10"}
    assert [line["kind"] for line in lines if line["state"] == "refused"] == ["dibao_person"]
    assert not [line for line in told["owed"] if line["unit_code"] == "d02" and line["kind"] == "dibao_person"]
    text = message(home, told)
    (asked,) = [line for line in part(text, "要您办的") if "请催过了应报日还没有交的" in line]
    assert f"青禾区 {of_d01 - 1} 份（晚了 {lines[0]['days_late']} 天）" in asked
    assert any("青禾区" in line and "2026-10" in line for line in part(text, "应报而没有收下的"))
    # This month's came, so nobody asks for the older one; once this month's is due itself, it alone is asked for.
    newer = submission("d01", "dibao_household", "2026-11", night=date(2026, 11, 1))
    assert "dibao_household" not in {line["kind"] for line in owed(date(2026, 11, 1), newer)[1]}
    assert owed(home.due_on("d01", "2026-11"))[1]
    assert owed(home.due_on("d01", "2026-11") + timedelta(days=1))[1] == []
    assert night_report.status(home, Kept(), date(2026, 11, 1))["owed"] == [], (
        "a home that did not run then asks for nothing"
    )


@pytest.mark.parametrize(
    ("month", "due", "on"), [("2026-02", 31, "2026-02-28"), ("2028-02", 30, "2028-02-29"), ("2026-11", 1, "2026-11-01")]
)
def test_a_list_is_due_on_its_day_or_the_month_s_last(home, month, due, on):
    home.settings.due_days.clear()
    home.settings.due_days["division"] = 3
    home.settings.due_days["d01"] = due
    assert home.due_on("d01", month).isoformat() == on
    assert home.due_on("d02", month).isoformat() == f"{month}-03"
    assert home.due_on("medical_insurance", "2026-04").isoformat() == "2026-04-30", "the month's last where none is set"


def test_a_ledger_that_was_refused_is_told_in_words_that_fit_it_and_changes_no_roster(home):
    taken = submission("d01", "temporary_grant"), submission("d01", "tekun_person", "2026-10")
    refused = submission("d01", "temporary_grant", "", "refused", file_name="台账.xlsx", reason="缺列", fix="补上")
    kept = Kept(*taken, refused)
    told = night_report.status(home, kept, DAY)
    [gap] = told["gaps"]
    assert gap["rosters"] == [{"kind": "temporary_grant", "title": "临时救助台账", "period": ""}]
    states = {(line["unit_code"], line["kind"]): line["state"] for line in told["expected"]}
    assert states["d01", "temporary_grant"] == states["d01", "tekun_person"] == "delivered"
    text = night_report.write(home.outbox, DAY, told).read_text(encoding="utf-8")
    assert "青禾区 临时救助台账：《台账.xlsx》整份退回。请报送单位改好后用原来的文件名再交" in text
    assert "没有的记录不算“没有”" in text and "名册不完整期间" not in text
    both = Kept(refused, submission("d01", "tekun_person", "2026-10", "refused", file_name="特困.xlsx"))
    text = night_report.write(home.outbox, DAY, night_report.status(home, both, DAY)).read_text(encoding="utf-8")
    assert "没有的记录不算“没有”" in text and "名册不完整期间" in text


def test_a_file_that_may_be_the_missing_list_is_told_with_it(home):
    """Not as two things to see to: the list that is missing, and a file that was sent back."""
    refused = submission("d01", "", "", "refused", file_name="低保人员.et", reason="这是 WPS 表格", fix="另存为 .xlsx")
    told = night_report.status(home, Kept(refused, submission("d02", "dibao_person", "2026-10", aside=1)), DAY)
    said = part(message(home, told), "应报而没有收下的")
    (own,) = [line for line in said if line.startswith("- 青禾区：")]
    assert "低保人员 2026-10" in own
    assert own.endswith("；没有收下的《低保人员.et》可能就在其中，改好再交的就不再缺")
    assert not [line for line in said if "可能就在其中" in line and line != own]
    known = submission("d01", "dibao_person", "", "refused", file_name="名册.xlsx", reason="没有月份", fix="写明月份")
    assert "；没有收下的《名册.xlsx》可能就在其中" in message(home, night_report.status(home, Kept(known), DAY))
    # A file of another month of which it is known what it is, is not the missing one.
    earlier = submission("d01", "dibao_person", "2026-09", "refused", file_name="九月.xlsx", reason="缺列", fix="补上")
    assert "可能就在其中" not in message(home, night_report.status(home, Kept(earlier), DAY))


@pytest.mark.parametrize(
    ("file_name", "night", "may_be"),
    [
        ("低保人员2026年10月.et", DAY, True), ("低保人员2026-09.et", DAY, False), ("低保人员.et", date(2026, 10, 1), True),
        ("低保人员.et", date(2026, 9, 30), False), ("低保人员2026年10月.et", date(2026, 9, 30), True),
    ],
)  # fmt: skip
def test_a_file_of_another_month_is_not_the_missing_list(home, file_name, night, may_be):
    """By its name; and what came before the month began, and does not say it, is none of that month."""
    refused = submission(
        "d01", "", "", "refused", night=night, file_name=file_name, reason="这是 WPS 表格", fix="另存为 .xlsx"
    )
    told = night_report.status(home, Kept(refused), DAY)
    assert (f"没有收下的《{file_name}》可能就在其中" in message(home, told)) is may_be
    assert file_name in message(home, told), "it is told anyway"


def test_nobody_is_in_the_message(home):
    number = "99010119860501123X"
    ledger = Kept(
        submission(
            "d01", "dibao_person", "2026-10", "refused", file_name=f"{number}.xlsx", reason=f"第3行 {number} 有问题"
        )
    )
    told = night_report.status(home, ledger, DAY)
    assert number not in message(home, told) + words(told) + json.dumps(told, ensure_ascii=False)


def test_line_breaks_of_a_reason_do_not_break_the_message(home):
    ledger = Kept(submission("d01", "dibao_person", "2026-10", "refused", reason="第一句\n\n# 假标题"))
    assert "\n# 假标题" not in message(home, night_report.status(home, ledger, DAY))


def test_same_state_same_bytes(home):
    told = night_report.status(home, Kept(submission("d01", "dibao_person", "2026-10")), DAY)
    first = night_report.write(home.outbox, DAY, told).read_bytes()
    assert night_report.write(home.outbox, DAY, json.loads(json.dumps(told))).read_bytes() == first
    assert [path.name for path in home.outbox.iterdir()] == ["2026-10-31.md"]


def released(path, run_date):
    with duckdb.connect(str(path)) as con:
        con.execute("create table release as select cast(? as date) as run_date", [run_date])
        con.execute("create table household_warning as select unnest(['h1', 'h2']) as household_id")
        con.execute(
            "create table warning_list as select *, 'A01' as rule_code, '收入低于低保标准未纳入' as title, 'd01' as division_code,"
            " '北营镇' as township, '张三' as subject_name, '年总收入1000元' as reason,"
            " case when warning_id = 'w2' then date '2026-10-30' else run_date end as last_seen_on from (values"
            " ('w1', 'red', date '2026-10-30', 1), ('w2', 'yellow', date '2026-10-31', 3), ('w3', 'red', date '2026-11-05', 2))"
            " as t(warning_id, level, due_on, urgency), (select run_date from release)"
        )
        con.execute(
            "create table warning_change as select * from (values ('w3', 'added', '新符合条件'), ('w2', 'added', '新符合条件'),"
            " ('w8', 'withdrawn', '已在册：低保（青禾区《十月.xlsx》）'), ('w9', 'withdrawn', '已在册：低保'), ('w1', 'reason', '数值有变'))"
            " as t(warning_id, change, because)"
        )
        con.execute(
            "create table division_tally as select * from (values ('d02', '云岫区', 0), ('d01', '青禾区', 1))"
            " as t(division_code, name, overdue_count)"
        )
        con.execute(
            "create table silence as select *, date '2026-08-02' as silent_from from (values ('d01', '', 'outcomes', 'silent'),"
            " ('d01', '', 'warnings', 'heard'), ('d02', '', 'files', 'silent'), ('d02', '', 'warnings', 'cannot_tell'),"
            " ('d02', '石井镇', 'warnings', 'silent')) as t(division_code, township, topic, state)"
        )
        con.execute(
            "create table decision as select warning_id, null as sample_id, state, conflict, run_date as received_on from"
            " (values ('w1', 'stands', '甲、乙'),"
            " ('w1', 'replaced', '甲、乙'), ('w2', 'repeated', null), ('w7', 'misfit', null)) as t(warning_id, state, conflict), release"
        )
        con.execute(
            "create table identity_decision as select t.*, run_date as received_on from (values"
            " ('q1', 'stands', 'not_same', null, null), ('q2', 'contradicted', 'same', null, '甲、乙'),"
            " ('q3', 'contradicted', 'same', null, '甲、乙'), ('q4', 'stands', 'cannot_tell', '甲、乙', null),"
            " ('q4', 'repeated', 'cannot_tell', null, null), ('q5', 'misfit', 'same', null, null))"
            " as t(question_id, state, decision, conflict, contradiction), release"
        )
        con.execute(
            "create table rule_tally as select * from (values ('A04', '大额医疗自付', true, 'medical_expense 还没有收到过', 7),"
            " ('A01', '收入低', false, null, 0)) as t(rule_code, title, is_dead, dead_because, fired_before)"
        )


def test_the_most_urgent_come_first_and_name_nobody_in_full(home):
    released(home.warehouse, DAY)
    told = night_report.status(home, Kept(), DAY)
    urgent = told["released"]["most_urgent"]
    assert [line["warning_id"] for line in urgent] == ["w1", "w3", "w2"]
    assert {line["subject"] for line in urgent} == {"张**"}
    screen = Console(record=True, width=160, file=io.StringIO())
    night_report.show(told, screen)
    text = screen.export_text()
    assert "最急的几条" in text and "张三" not in text


def test_what_the_release_lists_is_counted(home):
    released(home.warehouse, DAY)
    (home.lists / "2026-10-31").mkdir()
    (home.lists / "2026-10-31" / "d01.xlsx").touch()
    told = night_report.status(home, Kept(), DAY)
    assert told["released"]["open"] == {"red": 2, "orange": 0, "yellow": 1, "blue": 0}
    assert told["released"]["overdue"] == 1, "due today is not overdue"
    text = message(home, told)
    assert "- 待办预警 3 条（红色 2、黄色 1），涉及 2 户；已逾期 1 条。" in text
    assert "- 其中 1 条今晚无法核对（名单过期、不完整，或说不准是否在册），保留原样。" in text
    assert "- 新增 2 条（红色 1、黄色 1）；撤回 2 条；其余变化 理由有变 1 条。" in text
    assert "- 撤回原因：已在册：低保，2 条。" in text
    assert "- 清单在 lists/2026-10-31/，共 1 份。" in text


def test_what_came_back_what_is_late_and_what_finds_nothing_is_told(home):
    released(home.warehouse, DAY)
    text = message(home, night_report.status(home, Kept(), DAY))
    for said in (
        "已逾期的分布：青禾区 1 条。",
        "今晚收到核查登记 4 行：登记 2 行，与已登记的相同 1 行，对不上而退回 1 行。",
        "有 1 条预警或抽样核查的结论前后不一",
        "今晚收到身份判断 6 行：登记 4 行（是同一人 2、不是同一人 1、不能判断 1），与已登记的相同 1 行，对不上而退回 1 行。",
        "有 1 条身份疑问的判断前后不一",
        "有 1 组身份判断互相矛盾",
        "有 1 条规则因为所依据的名单没有收到或太旧，一条也查不出来",
        "- 高额医疗费用还没有收到过：A04 大额医疗自付。",
    ):
        assert said in text


def test_a_division_of_which_nothing_is_heard_is_told_in_one_line(home):
    released(home.warehouse, DAY)
    text = message(home, night_report.status(home, Kept(), DAY))
    assert "- 近 90 天没有动静的区：青禾区（核查结果）。各街道（乡镇）见 monitor report。" in text.splitlines()
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("insert into division_tally values ('bureau', ?, 0)", [home.units["bureau"].name])
        con.execute("update silence set state = 'silent' where topic <> 'files'")
        con.execute("insert into silence select 'bureau', '', 'outcomes', 'silent', date '2026-08-02'")
    (said,) = [
        line for line in message(home, night_report.status(home, Kept(), DAY)).splitlines() if "没有动静" in line
    ]
    assert said == (
        "- 近 90 天没有动静的区：青禾区（救助、补差类预警、核查结果）；云岫区（救助、补差类预警）。各街道（乡镇）见 monitor report。"
    ), "the bureau sends nothing"
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("update silence set state = 'not_due' where topic <> 'files'")
    assert "没有动静" not in message(home, night_report.status(home, Kept(), DAY)), (
        "what cannot be told, and files, are told elsewhere"
    )


def test_what_was_confirmed_since_the_night_before_is_told(home):
    """By senders on the returned sheet, by the data officer on the command line; what holds from earlier is not news."""
    released(home.warehouse, DAY)

    class Said(Kept):
        def nights(self):
            return [Night(DAY - timedelta(days=ago), DAY, None, "done", "", {}) for ago in (2, 1, 0)]

        def confirmed(self, day):
            return {"一": ""} | ({"二": ""} if day >= DAY - timedelta(days=1) else {})

        def waivers(self, day):
            said = [("甲", 2, COMMAND), ("乙", 1, COMMAND), ("丙", 0, "file"), ("丁", 0, "file")]
            return {
                issue: Waiver(issue, DAY - timedelta(days=ago), DAY, "d01", "k", "", "", source)
                for issue, ago, source in said
            }

    text = message(home, night_report.status(home, Said(), DAY))
    assert (
        "2026-10-30 以来，数据员确认放行扣住的名册 1 份；确认按填写的采用的问题 3 处（报送单位 2、数据员 1）。" in text
    )
    assert "以来" not in message(home, night_report.status(home, Kept(), DAY))


def test_a_night_that_is_done_again_is_told_with_its_own_figures(home):
    """Its release does not become current: that is no failure, and the later night's figures are not its."""
    later = DAY + timedelta(days=3)
    (home.releases / "1").mkdir(parents=True)
    released(home.releases / "1" / home.warehouse.name, DAY)
    released(home.warehouse, later)
    text = message(home, night_report.status(home, Kept(), DAY))
    assert "没有发布" not in text and "哪一步没有成功" not in text
    assert part(text, "这一夜")[1].endswith(f"已逾期 1。当前的一版是 {later} 的，比这一夜晚。")
    (home.releases / "1" / home.warehouse.name).unlink()
    text = message(home, night_report.status(home, Kept(), DAY))
    assert part(text, "清单") == [f"- 没有保存这一夜的一版，当前的是 {later} 的。"]
    assert "没有发布" not in text and text.splitlines()[0].endswith("没有保存这一夜的清单")


def test_what_was_replaced_later_had_come_on_its_night(tmp_path):
    """A letter that is written again does not say that a list was missing which another one replaced meanwhile."""
    home = new_home(tmp_path / "home")
    for night, count in ((DAY, 3), (DAY + timedelta(days=1), 4)):
        book(home / "inbox/d01/低保边缘人员.xlsx", PERSON, [person(serial) for serial in range(1, count)])
        run.collect(home, night)
        run.read(home, night, "d01")
        run.check(home, night, "edge")
    (line,) = [
        line
        for line in notify.status(home, DAY)["expected"]
        if (line["unit_code"], line["kind"]) == ("d01", "edge_person")
    ]
    assert (line["state"], line["rows_accepted"], line["days_late"]) == ("delivered", 2, 0)


def test_yesterdays_release_is_not_taken_for_tonights(home):
    released(home.warehouse, date(2026, 10, 30))
    text = message(home, night_report.status(home, Kept(), DAY))
    assert "今晚的清单没有发布，现在用的仍是 2026-10-30 的" in text
    assert text.splitlines()[0].endswith("今晚的清单没有发布")
