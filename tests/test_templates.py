"""Blank workbooks: what a clerk may choose, what stays text, and that they read back as their own kind."""

import re
import zipfile

import openpyxl
import pytest
from low_income.reading import layout
from low_income.returns import templates
from low_income.settings import contracts
from low_income.settings.contracts import Column, Kind, fold_header

from tests.damage_kit import judged, person_number

pytestmark = pytest.mark.slow

CONTRACTS = contracts.load()
KINDS = sorted(CONTRACTS.kinds)


@pytest.fixture
def made(tmp_path):
    def make(kind):
        templates.write(kind, tmp_path / "t.xlsx")
        return openpyxl.load_workbook(tmp_path / "t.xlsx")

    return make


def cells_of(sheet, column):
    return [cell.value for cell in sheet[2]].index(column) + 1


def rule_of(sheet, header):
    letter = openpyxl.utils.get_column_letter(cells_of(sheet, header))
    return next(rule for rule in sheet.data_validations.dataValidation if f"{letter}3" in rule.sqref)


@pytest.mark.parametrize("name", KINDS)
def test_headers_fold_to_the_contract_and_required_ones_are_marked(made, name):
    kind = CONTRACTS.kinds[name]
    sheet = made(kind).worksheets[0]
    printed = [cell.value for cell in sheet[2]]
    fields = kind.header_fields()
    assert [fields[fold_header(text)[0]] for text in printed] == list(kind.columns)
    assert [text.startswith("*") for text in printed] == [column.required is True for column in kind.columns.values()]
    for text, column in zip(printed, kind.columns.values(), strict=True):
        assert fold_header(text)[1] == (column.unit if column.type == "money" else fold_header(text)[1])


@pytest.mark.parametrize("name", KINDS)
def test_the_example_row_is_known_as_one(made, name):
    sheet = made(CONTRACTS.kinds[name]).worksheets[0]
    assert sheet["A3"].value.startswith(CONTRACTS.headers.example)
    assert sheet.max_row == 3


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_a_formula_and_lists_fit(made, name):
    book = made(CONTRACTS.kinds[name])
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
        for rule in sheet.data_validations.dataValidation:
            if rule.type == "list":
                assert len(rule.formula1) <= 257, "Excel takes 255 characters between the quotes"
            assert len(rule.prompt or "") <= 255 and len(rule.promptTitle or "") <= 32 and len(rule.error or "") <= 225


@pytest.mark.parametrize("name", KINDS)
def test_columns_that_must_stay_text_are_text(made, name):
    kind = CONTRACTS.kinds[name]
    sheet = made(kind).worksheets[0]
    for at, column in enumerate(kind.columns.values(), start=1):
        letter = openpyxl.utils.get_column_letter(at)
        wanted = (
            "@" if column.type not in ("money", "integer", "decimal") else sheet.column_dimensions[letter].number_format
        )
        assert sheet.column_dimensions[letter].number_format == wanted
        assert sheet.cell(3, at).number_format == wanted


def test_drop_downs_offer_the_contract_words(made):
    sheet = made(CONTRACTS.kinds["dibao_person"]).worksheets[0]
    assert rule_of(sheet, "是否重病").formula1 == '"是,否"'
    assert rule_of(sheet, "残疾等级").formula1 == '"一级,二级,三级,四级"'
    relation = rule_of(sheet, "*与户主关系")
    assert relation.formula1.strip('"').split(",")[-1] == "其他"
    assert (relation.errorStyle, rule_of(sheet, "残疾等级").errorStyle) == ("warning", "stop")


def test_bounds_are_in_the_unit_of_the_header(made):
    sheet = made(CONTRACTS.kinds["dibao_household"]).worksheets[0]
    rule = rule_of(sheet, "*户月保障金额（元）")
    assert (rule.type, rule.operator, rule.formula1, rule.formula2) == ("decimal", "between", "0", "100000")
    size = rule_of(sheet, "*家庭人口")
    assert (size.type, size.formula1, size.formula2) == ("whole", "1", "30")


def test_monthly_kinds_ask_for_the_month_without_naming_one(made):
    title = made(CONTRACTS.kinds["dibao_person"]).worksheets[0]["A1"].value
    assert "数据月份" in title and not any(character.isdigit() for character in title)
    assert "数据月份" not in made(CONTRACTS.kinds["medical_expense"]).worksheets[0]["A1"].value


def test_instructions_name_each_column_once(made):
    kind = CONTRACTS.kinds["edge_household"]
    sheet = made(kind)[CONTRACTS.headers.instructions_sheet]
    first = [row[0] for row in sheet.iter_rows(values_only=True) if row[0]]
    for field, column in kind.columns.items():
        assert first.count(templates.header(field, column)) == 1
    text = "\n".join(first)
    assert "inbox/<单位代码>/" in text and kind.legal_basis in text


def test_hostile_words_of_a_contract_stay_text(made):
    base = CONTRACTS.kinds["death_notice"]
    columns = {
        "name": Column(header="=1+1", type="name", required=True, example="=cmd|' /c calc'!A0"),
        "id_number": base.columns["id_number"],
    }
    kind = Kind(**(base.model_dump() | {"title": "死亡/登记[*]", "columns": columns, "checks": [], "door": None}))
    book = made(kind)
    assert book.worksheets[0]["A2"].value == "*=1+1"
    assert book.worksheets[0]["A3"].value == "示例：=cmd|' /c calc'!A0"
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_same_contract_same_bytes(tmp_path):
    kind = CONTRACTS.kinds["temporary_grant"]
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    templates.write(kind, first)
    templates.write(kind, second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as parts:
        assert {info.date_time for info in parts.infolist()} == {(2000, 1, 1, 0, 0, 0)}


def test_the_glossary_page_is_up_to_date():
    assert templates.GLOSSARY.read_text(encoding="utf-8") == templates.glossary(CONTRACTS), (
        'run: python -c "from low_income import templates; templates.write_glossary()"'
    )


def test_the_glossary_names_every_kind_and_column():
    page = templates.glossary(CONTRACTS)
    for name, kind in CONTRACTS.kinds.items():
        chapter = page.split(f"### {kind.title} `{name}`")[1].split("\n### ")[0]
        assert all(f"`{field}`" in chapter for field in kind.columns)
        assert kind.legal_basis in chapter


@pytest.mark.parametrize("name", KINDS)
def test_a_filled_in_template_is_read_back_as_its_kind(name, tmp_path):
    kind = CONTRACTS.kinds[name]
    blank, filled = tmp_path / "空白.xlsx", tmp_path / "名单.xlsx"
    templates.write(kind, blank)
    book = openpyxl.load_workbook(blank)
    sheet = book.worksheets[0]
    if kind.period == "month":
        sheet["A1"] = sheet["A1"].value.replace("____年__月", "2026年10月")
    for at, field in enumerate(kind.columns, start=1):
        sheet.cell(4, at).value = f"值{field}"
    book.save(filled)
    (tmp_path / "work").mkdir()
    readings = layout.read_submissions(filled, filled.name, "", {"division", *kind.senders}, tmp_path / "work")
    (reading,) = readings
    assert reading.refusal is None
    assert (reading.kind, reading.rows_read) == (name, 1)
    assert reading.period == ("2026-10" if kind.period == "month" else None)
    (sheet_read,) = reading.sheets
    assert [use.field for use in sheet_read.columns] == list(kind.columns)
    assert sheet_read.rows_left_out == {"example": 1}


GOOD = {
    "name": "张三", "text": "文字", "date": "2024-01-05", "month": "2024-01", "money": 120.5, "integer": 2, "decimal": 12.5,
    "boolean": "是", "township": "北营镇", "place": "北营镇",
}  # fmt: skip


def good_value(kind, field, column, serial):
    """What a careful clerk puts into a cell."""
    number = person_number(serial)
    if field in ("sex", "birth_date"):
        return {"sex": "男", "birth_date": "1986-05-01"}[field]
    if column.type == "id_number":
        return number
    if column.type == "disability_number":
        return number + "42"
    if column.type == "code":
        return "户主" if "户主" in column.codes else templates.allowed_words(column)[0]
    if field == kind.key[0] or field == kind.person.household_no:
        return f"{GOOD[column.type]}{serial}"
    return GOOD[column.type]


def filled(kind, path):
    """The template with two rows filled in below its example, as a clerk saves it."""
    templates.write(kind, path)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    if kind.period == "month":
        sheet["A1"] = sheet["A1"].value.replace("____年__月", "2026年10月")
    for at, (field, column) in enumerate(kind.columns.items(), start=1):
        for row in (4, 5):
            sheet.cell(row, at).value = good_value(kind, field, column, row)
    book.save(path)
    return path


@pytest.mark.parametrize("name", KINDS)
def test_a_filled_in_template_validates_clean(name, tmp_path):
    outcome = judged(filled(CONTRACTS.kinds[name], tmp_path / "名单.xlsx"))
    assert outcome.refusal is None and outcome.issues == [] and outcome.aside == {}
    assert [place[1] for place in outcome.accepted] == [4, 5]
    assert outcome.left_out == {"example": 1}
    assert not outcome.notices


@pytest.mark.parametrize("name", KINDS)
def test_the_example_row_without_its_mark_would_be_accepted(name, tmp_path):
    """An example teaches by being right: its numbers pass the check, its dates exist, its words are in the lists."""
    kind = CONTRACTS.kinds[name]
    path = tmp_path / "名单.xlsx"
    templates.write(kind, path)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    sheet["A1"] = f"2026年10月{kind.title}"
    for cell in sheet[3]:
        cell.value = re.sub("^示例[::]?", "", cell.value) or None if isinstance(cell.value, str) else cell.value
    book.save(path)
    outcome = judged(path)
    assert outcome.issues == [] and len(outcome.accepted) == 1


@pytest.mark.parametrize("name", KINDS)
def test_every_column_says_what_it_wants(made, name):
    kind = CONTRACTS.kinds[name]
    sheet = made(kind).worksheets[0]
    for column, header in zip(kind.columns.values(), [cell.value for cell in sheet[2]], strict=True):
        rule = rule_of(sheet, header)
        assert rule.showInputMessage and rule.prompt and rule.promptTitle
        assert (rule.type == "list") == (column.type in ("code", "boolean"))
