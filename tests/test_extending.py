"""Adding a unit, a check, a header, a rule or a policy value touches one place each."""

import shutil
from datetime import timedelta
from functools import partial

import pytest
from low_income.ask import explain as explaining
from low_income.night import run
from low_income.reading import layout
from low_income.settings import contracts
from low_income.settings.home import Home
from low_income.warehouse import models
from openpyxl import load_workbook

from tests.night_kit import DAY, MEDICAL, PERSON, ask, book, new_home, number, person

pytestmark = pytest.mark.slow

RULE = """
select
    enrolment.person_id as person_id,
    enrolment.household_id as household_id,
    enrolment.division_code as division_code,
    'yellow' as level,
    1 as measured,
    enrolment.period as roster_period,
    enrolment.row_id as roster_row_id
from registry.enrolment as enrolment
where enrolment.registry = 'edge' and enrolment.is_current
"""
CARD = """
code: X01
title: 边缘对象走访
purpose: assistance
subject: person
level: yellow
condition: 本人在低保边缘名册上。
why: 试行走访。
citation: 本局走访办法
caveat: 名册可能已经变化。
reason: "{roster_period}在低保边缘名册上。"
evidence:
  - {fact: 边缘名册, kind: edge_person, field: name, row: roster_row_id}
examples:
  - {name: 在册的提示, night: 2026-10-31, given: {edge_person: [{id_number: 甲}]}, expect: [甲]}
  - {name: 不在册的不提示, night: 2026-10-31, given: {dibao_person: [{id_number: 甲}]}, expect: []}
"""
CHECK = """
  - rule: income_is_round
    expect: expect_column_values_to_be_in_set
    kwargs: {column: monthly_income_fen, value_set: [90000, 120000]}
    marks: monthly_income_fen
    severity: confirm
    message: 月收入不是本局约定的两档
    fix: 按约定的两档填写月收入
"""
KIND = """
title: 居家照料
grain: 每名受照料者每月一行
dataset_group: home_care
senders: [civil_registration]
purposes: [assistance]
legal_basis: 本局照料服务办法
period: none
replace: key
titles: [居家照料]
person: {id_number: cared_for_number, name: cared_for_name}
key: [cared_for_number, began_on]
door: {scope: help}
columns:
  cared_for_name: {header: 受照料者姓名, type: name, required: true}
  cared_for_number: {header: 受照料者身份证号, type: id_number, required: true}
  began_on: {header: 开始照料日期, type: date, required: true, not_after: night}
  township: {header: 所属街道, type: place}
"""
SOURCE = """
unit: d02
kind: edge_person
reason: 该区的系统导出时另有叫法
headers: {证件编码(本区): id_number}
"""


def test_a_new_unit_is_a_few_lines_and_a_dated_policy_value_one(tmp_path):
    home = new_home(tmp_path / "home")
    settings = home / "monitor.yml"
    unit = "  - {code: d15, name: 新城区, kind: division, policy_region: 南片, townships: [{name: 新城镇}]}\n"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace("  - code: medical_insurance\n", f"{unit}  - code: medical_insurance\n"), encoding="utf-8"
    )
    assert Home.create(home) == ["decisions/inbox/d15/", "inbox/d15/"]
    policy = home / "policy/medical.yml"
    lines = policy.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("medical_threshold_edge:"))
    at = next(i for i in range(at, len(lines)) if "valid_from" in lines[i])
    tomorrow = DAY + timedelta(days=1)
    lines.insert(at + 1, f'    - {{valid_from: {tomorrow}, value: 1500, source: "本局2026年第9号文"}}')
    policy.write_text("\n".join(lines), encoding="utf-8")

    book(home / "inbox/d15/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    rows = [
        (person(n)[0], number(n), "2026-09-15", "一院", "3000", paid, "") for n, paid in ((1, "1500"), (2, "1500.01"))
    ]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, rows)
    run.night(home, DAY)
    assert ask(home, "select unit_code, rows_accepted from submission order by all") == [
        ("d15", 3),
        ("medical_insurance", 2),
    ]
    assert ask(home, "select distinct division_code from person") == [("d15",)]
    assert ask(home, "select count(*) from warning_list") == [(0,)]
    run.night(home, tomorrow)
    listed = ask(home, "select rule_code, subject_id_number, division_code, cast(policy as varchar) from warning_list")
    assert [line[:3] for line in listed] == [("A04", number(2), "d15")]
    assert "本局2026年第9号文" in listed[0][3]
    assert (home / "lists" / tomorrow.isoformat() / "d15.xlsx").exists()


def test_a_check_is_some_lines_of_a_contract_and_a_header_a_file_of_its_unit(tmp_path, monkeypatch):
    agreed = tmp_path / "expectations"
    shutil.copytree(contracts.EXPECTATIONS, agreed)
    with (agreed / "kinds/edge_person.yml").open("a", encoding="utf-8") as file:
        file.write(CHECK)
    (agreed / "sources").mkdir(exist_ok=True)
    (agreed / "sources/d02_edge_person.yml").write_text(SOURCE, encoding="utf-8")
    home = new_home(tmp_path / "home")
    own = ("姓名", "证件编码(本区)", *PERSON[2:])
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2, income="901")])
    book(home / "inbox/d02/边缘人员.xlsx", own, [person(11), person(12)])
    book(home / "inbox/d03/边缘人员.xlsx", own, [person(21)])
    load = contracts.load
    monkeypatch.setattr(contracts, "load", lambda folder=agreed: load(folder))

    # A child process would load the contracts of its own checkout.
    def here(*words, **limits):
        return layout.read_submissions(*words, contracts_folder=agreed)

    monkeypatch.setattr(layout, "read_file", here)
    run.night(home, DAY)
    assert ask(home, "select unit_code, status, rows_accepted from submission order by all") == [
        ("d01", "accepted", 2), ("d02", "accepted", 2), ("d03", "refused", 0)]  # fmt: skip
    lines = 'select unit_code, "row", header, severity, fix from validation_issue where rule = ?'
    assert ask(home, lines, "monthly_income_fen.income_is_round") + ask(home, lines, "income_is_round") == [
        ("d01", 3, "月收入", "confirm", "按约定的两档填写月收入")]  # fmt: skip
    copy = load_workbook(home / "returns/d01/边缘人员.xlsx")
    notes = [cell.comment.text for row in copy["Sheet1"].iter_rows() for cell in row if cell.comment]
    assert len(notes) == 1 and "两档" in notes[0]


def test_a_kind_is_one_file(tmp_path, monkeypatch):
    """Its rows are told of the people whom our lists know, and its names are held against theirs; no SQL names the kind."""
    agreed = tmp_path / "expectations"
    shutil.copytree(contracts.EXPECTATIONS, agreed)
    (agreed / "kinds/home_care.yml").write_text(KIND, encoding="utf-8")
    home = new_home(tmp_path / "home")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2)])
    cared_for = ("受照料者姓名", "受照料者身份证号", "开始照料日期", "所属街道")
    rows = [
        (person(1)[0], number(1), "2026-09-01", ""),
        ("别人", number(2), "2026-09-02", ""),
        (person(3)[0], number(3), "2026-09-03", ""),
    ]
    book(home / "inbox/civil_registration/居家照料.xlsx", cared_for, rows)
    load = contracts.load
    monkeypatch.setattr(contracts, "load", lambda folder=agreed: load(folder))

    # A child process would load the contracts of its own checkout.
    def here(*words, **limits):
        return layout.read_submissions(*words, contracts_folder=agreed)

    monkeypatch.setattr(layout, "read_file", here)
    run.night(home, DAY)
    taken = "select rows_accepted, rows_out_of_scope from submission where kind = 'home_care'"
    assert ask(home, taken) == [(2, 1)], "nobody else is on a list of ours"
    found = (
        "select id_number, \"row\" from record_link join person using (person_id) where kind = 'home_care' order by all"
    )
    assert ask(home, found) == [(number(1), 2), (number(2), 3)]
    assert ask(home, "select kept_name, other_name from name_conflict") == [(person(2)[0], "别人")]


def test_a_rule_is_a_pair_of_files(tmp_path, monkeypatch):
    sql = tmp_path / "sql"
    shutil.copytree(models.SQL, sql)
    (sql / "warnings/x01.sql").write_text(RULE, encoding="utf-8")
    (sql / "warnings/x01.yml").write_text(CARD, encoding="utf-8")
    monkeypatch.setattr(models, "read_models", partial(models.read_models, folder=sql))
    home = new_home(tmp_path / "home")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2)])
    run.night(home, DAY)
    assert ask(home, "select rule_code, title, level, subject_id_number, reason from warning_list order by 4") == [
        ("X01", "边缘对象走访", "yellow", number(n), "2026-10在低保边缘名册上。") for n in (1, 2)]  # fmt: skip
    book_of_list = load_workbook(home / "lists" / DAY.isoformat() / "d01.xlsx", read_only=True)
    cells = [str(value) for sheet in book_of_list for row in sheet.iter_rows(values_only=True) for value in row]
    assert any("边缘对象走访" in cell for cell in cells)
    [(warning_id,)] = ask(home, "select min(warning_id) from warning_list")
    assert explaining.explain(home, warning_id)


def test_what_is_added_wrongly_is_refused_by_name(tmp_path, monkeypatch):
    agreed = tmp_path / "expectations"
    shutil.copytree(contracts.EXPECTATIONS, agreed)
    (agreed / "sources").mkdir(exist_ok=True)
    (agreed / "sources/d02_edge_person.yml").write_text(SOURCE.replace("id_number}", "no_such}"), encoding="utf-8")
    with pytest.raises(contracts.ContractError, match=r"d02_edge_person\.yml.*no_such"):
        contracts.load(agreed)
    sql = tmp_path / "sql"
    shutil.copytree(models.SQL, sql)
    (sql / "warnings/x01.sql").write_text(RULE, encoding="utf-8")
    with pytest.raises(models.ModelError, match=r"x01\.yml"):
        models.read_models(contracts.load().kinds, sql)
