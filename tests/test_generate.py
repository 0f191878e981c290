"""The invented bureau, read again by other means than those that wrote it: openpyxl, csv, and the wording of the rules."""

import csv
import hashlib
import random
import re
import zipfile
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import olefile
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from low_income.generate import MINIMUM, generate
from low_income.generate.bureau import Bureau, birthday, months_before
from low_income.generate.hostile import compound_file
from low_income.generate.people import check_character, crowd_firsts, with_check
from low_income.generate.stage import Stage
from low_income.model import ROOT, ConfigError
from low_income.settings import contracts
from low_income.warehouse.models import read_models

pytestmark = pytest.mark.slow

DAY = date(2026, 10, 31)
PEOPLE = 300
ID_HEADERS = {
    header
    for kind in contracts.load().kinds.values()
    for column in kind.columns.values()
    if column.type == "id_number"
    for header in (column.header, *column.aliases)
}
PARTNERS = [name for name, kind in contracts.load().kinds.items() if kind.is_partner]
NOT_DATA = ("小计", "合计", "填表人")
SUBJECT = {
    "dibao_household": "head_id_number",
    "edge_household": "head_id_number",
    "survey_household": "head_id_number",
}
PLAIN_DIGITS = {ord(c) - 0x21 + 0xFF01: c for c in "0123456789X"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    target = tmp_path_factory.mktemp("bureau")
    return target, generate(target, people=PEOPLE, seed=7, day=DAY)


@pytest.fixture(scope="module")
def truth(made):
    def read(name):
        with (made[0] / "truth" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return {name: read(name) for name in ("warnings", "silent", "submissions", "issues", "registries")}


@pytest.fixture(scope="module")
def pages(made, truth):
    """(unit, file, kind) → [(sheet, {row number: {header: cell}})], of every file that is to be taken."""
    found = {}
    for row in truth["submissions"]:
        if row["kind"]:
            path = made[0] / "inbox" / row["unit_code"] / row["file_name"]
            found[row["unit_code"], row["file_name"], row["kind"]] = read_again(path, row["kind"])
    return found


def read_again(path, kind):
    if path.suffix != ".xlsx":
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "gb18030")
        delimiter = next(mark for mark in "\t;," if mark in text.splitlines()[0])
        header, *rows = csv.reader(text.splitlines(), delimiter=delimiter)
        return [
            ("", {n: dict(zip(header, [cell or None for cell in row], strict=True)) for n, row in enumerate(rows, 2)})
        ]
    sheets = []
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets:
        if sheet.title in ("说明", "字典", "Sheet2"):
            continue
        if (
            kind.startswith("dibao")
            and "分乡镇" in path.name
            and sheet.title.endswith("人员") != (kind == "dibao_person")
        ):
            continue
        sheets.append((sheet.title, data_rows(sheet)))
    return sheets


def data_rows(sheet):
    grid = {n: list(row) for n, row in enumerate(sheet.iter_rows(values_only=True), 1)}
    top = next(n for n, row in grid.items() if any(cell in ID_HEADERS for cell in row))
    header, above = grid[top], grid.get(top - 1, [])
    if "基本信息" in above:
        header = [below or over for below, over in zip(header, above, strict=True)]
    for span in sheet.merged_cells.ranges:
        if span.min_row > top:
            for n in range(span.min_row, span.max_row + 1):
                grid[n][span.min_col - 1] = grid[span.min_row][span.min_col - 1]
    return {
        n: dict(zip(header, row, strict=True))
        for n, row in grid.items()
        if n > top and any(cell is not None for cell in row) and not str(row[0]).startswith(NOT_DATA)
    }


def records(pages, kind):
    """Rows of a kind with fields for headers and the unit of an amount: (unit, file, sheet, row number, {field: cell}).

    Rosters of earlier months (`往月/`) are not among them.
    """
    fields = contracts.load().kinds[kind].header_fields()
    for (unit, file_name, of_kind), sheets in pages.items():
        if of_kind == kind and not file_name.startswith("往月/"):
            for sheet, rows in sheets:
                for number, row in rows.items():
                    values = {}
                    for header, cell in row.items():
                        folded, measure = contracts.fold_header(header)
                        if folded in fields:
                            values[fields[folded]] = (cell, measure)
                    yield unit, file_name, sheet, number, values


def number_in(cell):
    """A number as any reader should see it, or None."""
    if not isinstance(cell, str):
        return None
    text = re.sub(r"[\s'\u3000]", "", cell).translate(PLAIN_DIGITS).upper()
    if re.fullmatch(r"\d{15}", text):
        text = text[:6] + "19" + text[6:]
        text += check_of(text)
    return (
        text if re.fullmatch(r"\d{17}[\dX]", text) and text[17] == check_of(text[:17]) and is_date(text[6:14]) else None
    )


def check_of(digits):
    """Written anew: the check character solves sum(a_i * 2^(18-i)) = 1 modulo 11."""
    rest = (1 - sum(int(digit) * pow(2, 17 - n, 11) for n, digit in enumerate(digits))) % 11
    return "X" if rest == 10 else str(rest)


def is_date(digits):
    try:
        return bool(datetime.strptime(digits, "%Y%m%d"))  # noqa: DTZ007
    except ValueError:
        return False


def fen_in(pair):
    cell, measure = pair
    if cell is None or cell in ("/", "-"):
        return None
    amount = Decimal(str(cell).replace("\uffe5", "").replace(",", ""))
    return int(amount * (1_000_000 if measure == "万元" else 100))


def day_in(cell):
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, int | float):
        return date(1899, 12, 30) + timedelta(days=int(cell))
    digits = re.findall(r"\d+", cell)
    if len(digits) == 1 and len(digits[0]) == 8:
        digits = [digits[0][:4], digits[0][4:6], digits[0][6:]]
    year, month, *rest = map(int, digits)
    return date(year, month, rest[0]) if rest else months_before(date(year, month, 1), -1) - timedelta(days=1)


def age_on_day(number, day=DAY):
    born = number[6:14]
    return day.year - int(born[:4]) - (f"{day:%m%d}" < born[4:])


# the same again ----------------------------------------------------------------------------------------------------


def fingerprint(target):
    return {
        str(path.relative_to(target)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime)
        for path in target.rglob("*")
        if path.is_file() and "inbox" in path.parts
    } | {path.name: path.read_bytes() for path in (target / "truth").iterdir()}


def test_same_words_same_bytes(made, tmp_path):
    generate(tmp_path / "again", people=PEOPLE, seed=7, day=DAY)
    assert fingerprint(tmp_path / "again") == fingerprint(made[0])


def test_every_file_rests_since_the_evening_before(made):
    evening = datetime(2026, 10, 30, 18, tzinfo=timezone(timedelta(hours=8))).timestamp()
    assert {path.stat().st_mtime for path in (made[0] / "inbox").rglob("*") if path.is_file()} == {evening}


def test_refuses_a_used_folder_and_too_few_people(made, tmp_path):
    with pytest.raises(ConfigError):
        generate(made[0], people=PEOPLE, seed=7, day=DAY)
    with pytest.raises(ConfigError):
        generate(tmp_path, people=MINIMUM - 1, seed=7, day=DAY)


# people ------------------------------------------------------------------------------------------------------------


@given(st.text("0123456789", min_size=17, max_size=17))
def test_check_character_agrees_with_the_standard(first):
    assert check_character(first) == check_of(first)


@given(st.dates(date(2025, 1, 1), date(2040, 12, 31)), st.integers(0, 100))
def test_birthday_is_the_last_day_that_makes_the_age(day, age):
    born = birthday(day, age)
    assert age_on_day(f"990101{born:%Y%m%d}", day) == age or (day.month, day.day) == (2, 29)
    assert age_on_day(f"990101{born + timedelta(days=1):%Y%m%d}", day) == age - 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 300), st.integers(0, 10))
def test_crowd_numbers_are_valid_distinct_and_nobodys(count, seed):
    import numpy as np

    numbers = with_check(crowd_firsts(np.random.default_rng(seed), count))
    assert len(set(numbers)) == count
    assert all(number_in(number) == number and number.startswith("99") for number in numbers)


def test_every_number_is_nobodys_and_wrong_only_where_planted(pages, truth):
    faulty = {
        (row["unit_code"], row["file_name"], row["sheet"], int(row["row"]), row["header"])
        for row in truth["issues"]
        if row["fault"].startswith("id_number.")
    }
    seen = 0
    for (unit, file_name, _), sheets in pages.items():
        for sheet, rows in sheets:
            for number, row in rows.items():
                for header in ID_HEADERS & row.keys():
                    cell = row[header]
                    where = (unit, file_name, sheet, number, header)
                    if cell is None and where not in faulty:
                        assert header.startswith("户主")  # only who is head may be left open
                        continue
                    assert (number_in(cell) is None) == (where in faulty), where
                    if isinstance(cell, str) and "E" not in cell:
                        assert re.sub(r"[\s']", "", cell).translate(PLAIN_DIGITS).startswith("99"), where
                    seen += 1
    assert seen > 2_000
    assert len(faulty) > 40


def test_nobody_is_called_by_two_names(pages):
    names = defaultdict(set)
    for kind in ("dibao_person", "tekun_person", "edge_person", "survey_person", "temporary_grant", "medical_expense"):
        for *_, row in records(pages, kind):
            number = number_in(row["id_number"][0])
            if number and row["name"][0]:
                names[number].add(re.sub(r"[\s·•・‧.∙]", "", row["name"][0]))
    assert {len(found) for found in names.values()} == {1}


def test_telephones_are_invented(pages):
    phones = {
        row["phone"][0]
        for kind in ("dibao_household", "survey_household", "tekun_person")
        for *_, row in records(pages, kind)
    }
    assert phones - {None, "/"}
    assert all(phone.startswith("199000") and len(phone) == 11 for phone in phones - {None, "/"})


# counts ------------------------------------------------------------------------------------------------------------


def test_files_hold_what_the_truth_says(pages, truth):
    for row in truth["submissions"]:
        if row["kind"]:
            key = row["unit_code"], row["file_name"], row["kind"]
            parts = [int(row[name]) for name in ("rows_accepted", "rows_set_aside", "rows_out_of_scope")]
            assert sum(len(rows) for _, rows in pages[key]) == int(row["rows_read"]) == sum(parts), key
            assert row["status"] == ("partly_accepted" if parts[1] else "accepted")


def test_proportions(made):
    rows = made[1]["rows"]
    assert sum(rows[kind] for kind in PARTNERS) == 4 * PEOPLE
    assert all(rows[kind] >= 10 for kind in PARTNERS)
    people = rows["dibao_person"] + rows["tekun_person"] + rows["edge_person"]
    assert PEOPLE <= people <= PEOPLE * 1.7  # beyond: at this size the planted cases alone are nearly as many
    assert abs(rows["temporary_grant"] - PEOPLE * 2.7) <= 5


def test_registries_count_the_people_on_accepted_rows(pages, truth):
    aside = {
        (row["unit_code"], row["file_name"], row["sheet"], int(row["row"]))
        for row in truth["issues"]
        if row["fault"].split(".")[0] in ("id_number", "required", "head", "duplicate", "township")
        and row["fault"] != "duplicate.identical"
    }
    for registry in ("dibao", "edge"):
        persons = defaultdict(set)
        for unit, file_name, sheet, number, row in records(pages, f"{registry}_person"):
            if (unit, file_name, sheet, number) not in aside:
                persons[unit].add(number_in(row["id_number"][0]))
        stated = {
            row["division_code"]: int(row["persons"]) for row in truth["registries"] if row["registry"] == registry
        }
        assert {unit: len(found) for unit, found in persons.items()} == stated


def test_who_does_not_deliver_and_whose_rosters_are_old(made, truth):
    bureau = Bureau.on(DAY)
    assert not (made[0] / "inbox" / bureau.missing).exists()
    periods = defaultdict(set)
    for row in truth["submissions"]:
        if row["period"] and not row["file_name"].startswith("往月/"):
            periods[row["unit_code"]].add(row["period"])
    assert len(periods) == 13
    assert periods.pop(bureau.stale) == {"2026-07"}
    assert periods.pop(bureau.aging) == {"2026-08"}
    assert set(map(frozenset, periods.values())) == {frozenset({"2026-10"})}


# faults ------------------------------------------------------------------------------------------------------------


def test_every_planted_fault_stands_where_the_truth_says(pages, truth):
    kinds = {
        (unit, file_name): [kind for u, f, kind in pages if (u, f) == (unit, file_name)] for unit, file_name, _ in pages
    }
    for issue in truth["issues"]:
        unit, file_name, sheet, number = issue["unit_code"], issue["file_name"], issue["sheet"], int(issue["row"])
        rows = next(
            rows
            for kind in kinds[unit, file_name]
            for name, rows in pages[unit, file_name, kind]
            if name == sheet and number in rows
        )
        cell, what = rows[number][issue["header"]], issue["fault"]
        if what in ("required.missing", "head.unknown", "id_number.missing"):
            assert cell is None
        elif what == "id_number.digits_lost":
            assert isinstance(cell, int | float) or "E+17" in cell
        elif what == "id_number.length":
            assert len(cell) != 18
        elif what == "duplicate.identical":
            own = {header: value for header, value in rows[number].items() if header != "序号"}
            twins = [n for n, row in rows.items() if all(row[header] == value for header, value in own.items())]
            assert len(twins) == 2
            assert max(twins) == number
        elif what == "duplicate.differing":
            assert sum(row[issue["header"]] == cell for row in rows.values()) == 2


def test_every_sort_of_fault_is_planted(truth):
    planted = Counter(row["fault"] for row in truth["issues"])
    numbers = ("check_digit", "digits_lost", "length", "birth_date", "missing", "characters")
    unreadable = ("date", "amount", "code", "boolean")
    wanted = {f"id_number.{how}" for how in numbers} | {f"{what}.unreadable" for what in unreadable}
    wanted |= {
        "required.missing",
        "date.future",
        "sex.contradicts",
        "birth_date.contradicts",
        "members_listed",
        "head_listed",
    }
    wanted |= {"head.unknown", "township.other_division", "duplicate.identical", "duplicate.differing"}
    assert wanted <= set(planted)


def test_files_that_must_be_refused(made, truth):
    inbox = made[0] / "inbox"
    refused = {
        row["file_name"]: inbox / row["unit_code"] / row["file_name"]
        for row in truth["submissions"]
        if row["status"] == "refused"
    }
    assert refused["空文件.xlsx"].read_bytes() == b""
    with olefile.OleFileIO(refused["低保人员_有密码.xlsx"]) as locked:
        assert locked.exists("EncryptedPackage")
        assert locked.openstream("EncryptionInfo").read()[:4] == b"\x04\x00\x04\x00"
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(refused["特困人员_没传完.xlsx"])
    assert openpyxl.load_workbook(refused["低保人员_只有表头.xlsx"]).active.max_row == 1
    assert "低保边缘家庭.et" in refused
    (repeated,) = (row for row in truth["submissions"] if row["status"] == "repeated")
    copy = inbox / repeated["unit_code"] / repeated["file_name"]
    assert copy.read_bytes() == copy.with_name(copy.name.replace("_再发一次", "")).read_bytes()


def test_a_compound_file_gives_back_its_streams(tmp_path):
    streams = {"One": bytes(range(256)) * 20, "Two": b"x" * 4096}
    (tmp_path / "file").write_bytes(compound_file(streams))
    with olefile.OleFileIO(tmp_path / "file") as file:
        assert {name: file.openstream(name).read() for name in streams} == streams


# styles ------------------------------------------------------------------------------------------------------------


def test_every_style_of_writing_is_there(made):
    inbox = made[0] / "inbox"

    def book(path):
        return openpyxl.load_workbook(inbox / path)

    titled = [row[0] for row in book("d02/城市低保家庭查询.xlsx").active.iter_rows(values_only=True)]
    assert "2026年10月" in titled[0]
    assert titled[1].startswith("填报单位")
    assert "合计" in titled
    assert titled[-1].startswith("填表人")
    assert "民族" in [cell.value for cell in book("d02/城市低保家庭查询.xlsx").active[3]]
    merged = book("d03/农村低保家庭查询.xlsx")
    assert merged.sheetnames == ["2026年10月", "说明", "字典", "Sheet2"]
    assert "小计" in [row[0] for row in merged.worksheets[0].iter_rows(values_only=True)]
    assert any(span.min_row > 3 for span in book("d03/低收入人口摸底排查(人).xlsx").active.merged_cells.ranges)
    with pytest.raises(UnicodeDecodeError):
        (inbox / "d04/城市低保家庭查询_2026年10月.csv").read_text(encoding="utf-8")
    tabbed = (inbox / "d05/城市低保家庭查询_202608.txt").read_bytes()
    assert tabbed.startswith(b"\xef\xbb\xbf")
    assert b"\t" in tabbed
    townships = book("d06/低保家庭和人员_分乡镇.xlsx")
    assert len(townships.sheetnames) >= 4
    assert {name[-2:] for name in townships.sheetnames} == {"家庭", "人员"}
    assert isinstance(townships.worksheets[1].cell(6, 6).value, datetime)
    hidden = book("d07/2026年10月/农村低保家庭查询.xlsx").active
    assert hidden.max_row > 3_000
    assert hidden.auto_filter.ref
    assert any(dimension.hidden for dimension in hidden.column_dimensions.values())
    assert any(dimension.hidden for dimension in hidden.row_dimensions.values())
    assert book("d07/2026年10月/农村低保家庭查询.xlsx").epoch.year == 1904
    assert ";" in (inbox / "d10/特困人员查询.csv").read_text(encoding="utf-8-sig")
    headers = [cell.value for cell in book("d08/低收入人口摸底排查(户).xlsx").active[3]]
    assert "家庭年总收入\uff08万元\uff09" in headers


def test_members_amounts_and_dates_look_different_from_unit_to_unit(pages):
    benefits = {
        unit: cell
        for unit, *_, row in records(pages, "dibao_household")
        if (cell := row["monthly_benefit_fen"][0]) is not None
    }
    assert isinstance(benefits["d01"], int | float)
    assert benefits["d08"].startswith("\uffe5")
    rechecks = {unit: row["last_recheck_on"][0] for unit, *_, row in records(pages, "dibao_household")}
    assert isinstance(rechecks["d06"], datetime)
    assert isinstance(rechecks["d11"], int)
    assert re.fullmatch(r"\d{8}", rechecks["d05"])
    assert re.fullmatch(r"2026年\d+月\d+日", rechecks["d03"])
    dots = {
        mark
        for kind in ("survey_person", "dibao_person", "edge_person")
        for *_, row in records(pages, kind)
        for mark in re.findall(r"[·•・‧.∙ ]", row["name"][0] or "")
    }
    assert len(dots) >= 3


# truth -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def surveyed(pages, truth):
    """Head → (division, size, yearly income in fen, the standard) of every survey household that can be read."""
    bureau = Bureau.on(DAY)
    spoilt = {(row["unit_code"], row["file_name"], row["sheet"], int(row["row"])) for row in truth["issues"]}
    found = {}
    for unit, file_name, sheet, number, row in records(pages, "survey_household"):
        if (unit, file_name, sheet, number) not in spoilt:
            area = "农村" if row["area_type"][0] in ("农村", "乡村") else "城市"
            place = bureau.places[unit, area][0]
            size, income = int(row["household_size"][0]), fen_in(row["yearly_income_fen"])
            found[number_in(row["head_id_number"][0])] = unit, size, income, bureau.standard(place)
    return found


def codes(truth, name, *wanted):
    return {row["subject_id_number"]: row["why"] for row in truth[name] if row["rule_code"] in wanted}


def test_incomes_lie_on_the_side_that_the_truth_says(truth, surveyed):
    below = codes(truth, "warnings", "A01", "A12")
    between = codes(truth, "warnings", "A02")
    assert len(below) >= 12
    for head in below:
        _, size, income, standard = surveyed[head]
        assert income < 12 * size * standard
    for head, why in between.items():
        _, size, income, standard = surveyed[head]
        assert 10 * 12 * size * standard <= 10 * income < 15 * 12 * size * standard
        assert ("exactly i" in why) == (income == 12 * size * standard)
    cents = [surveyed[head] for head, why in (below | between).items() if "one cent below" in why]
    assert sorted((income + 1) * 10 // (12 * size * standard) for _, size, income, standard in cents) == [10, 15]
    (head,) = (head for head, why in codes(truth, "silent", "A02").items() if "exactly 1.5 i" in why)
    _, size, income, standard = surveyed[head]
    assert 10 * income == 15 * 12 * size * standard


def test_everybody_else_with_a_low_income_is_helped_or_cannot_be_judged(truth, surveyed, pages):
    listed = set()
    for kind in ("dibao_person", "tekun_person", "edge_person"):
        for *_, row in records(pages, kind):
            listed.add(number_in(row["id_number"][0]))
    asked = ("A01", "A02", "A03", "A12")
    known = set(codes(truth, "warnings", *asked)) | set(codes(truth, "silent", *asked))
    for head, (unit, size, income, standard) in surveyed.items():
        if 10 * income < 15 * 12 * size * standard and head not in known:
            assert head in listed, (unit, head)
        elif head not in known:
            assert income >= 25 * 12 * size * standard // 10


def test_burdens_add_up_to_what_the_truth_says(truth, pages):
    start = months_before(DAY, 12)
    burden, settled = defaultdict(int), defaultdict(set)
    spoilt = {(row["unit_code"], row["file_name"], row["sheet"], int(row["row"])) for row in truth["issues"]}
    for unit, file_name, sheet, number, row in records(pages, "medical_expense"):
        if (unit, file_name, sheet, number) not in spoilt:
            person, on = number_in(row["id_number"][0]), day_in(row["settled_on"][0])
            if start < on <= DAY:
                burden[person] += fen_in(row["burden_fen"])
                settled[person].add(file_name)
    thresholds = {"tekun": 1000, "dibao": 5000, "edge": 10000, "monitored": 10000, "surveyed": 15000, "unknown": 15000}
    warned, silent = codes(truth, "warnings", "A04"), codes(truth, "silent", "A04")
    for standing, yuan in thresholds.items():
        above = [head for head, why in warned.items() if why == f"{standing}: one cent above the threshold"]
        at = [head for head, why in silent.items() if why == f"{standing}: exactly the threshold"]
        assert [burden[head] for head in above] == [yuan * 100 + 1]
        assert [burden[head] for head in at] == [yuan * 100]
    assert all(total <= 1_500_000 for person, total in burden.items() if person not in warned | silent)
    (both,) = (head for head, why in warned.items() if "two files" in why)
    assert len(settled[both]) == 2
    (apart,) = (head for head, why in silent.items() if "neither file" in why)
    assert burden[apart] > 1_500_000
    assert len(settled[apart]) == 2
    (old,) = (head for head, why in silent.items() if "twelve months ago" in why)
    assert burden[old] == 0


def test_severe_certificates_of_people_we_do_not_know_are_old(truth, pages):
    known = (
        set(codes(truth, "warnings", "A05"))
        | set(codes(truth, "silent", "A05", "C01"))
        | set(codes(truth, "warnings", "C01"))
    )
    dibao = {number_in(row["id_number"][0]) for *_, row in records(pages, "dibao_person")}
    issued = {}
    for *_, row in records(pages, "disability_certificate"):
        person, status = number_in(row["id_number"][0]), row["certificate_status"][0]
        level, kind = row["disability_level"][0], row["disability_type"][0]
        severe = level in ("一级", "二级") or (level == "三级" and kind in ("智力", "精神"))
        if severe and status == "正常" and row["issued_on"][0] != "不详" and person not in dibao:
            issued[person] = (DAY - day_in(row["issued_on"][0])).days
    assert all(back >= 90 for person, back in issued.items() if person not in known)
    backs = {why: issued[person] for person, why in codes(truth, "warnings", "A05").items() if "issued" in why}
    assert set(backs.values()) == {89}
    assert {issued[person] for person, why in codes(truth, "silent", "A05").items() if "issued 90" in why} == {90}


def test_deaths_lie_on_both_sides_of_the_roster_month(truth, pages):
    died = {number_in(row["id_number"][0]): day_in(row["died_on"][0]) for *_, row in records(pages, "death_notice")}
    died.pop(None)
    rosters = {row["division_code"]: date.fromisoformat(f"{row['period']}-01") for row in truth["registries"]}
    listed = {}
    for kind in ("dibao_person", "tekun_person", "edge_person"):
        for unit, *_, row in records(pages, kind):
            listed[number_in(row["id_number"][0])] = unit
    warned, silent = codes(truth, "warnings", "B01"), codes(truth, "silent", "B01")
    for person in warned:
        assert died[person] < rosters[listed[person]]
    for person, why in silent.items():
        assert died[person] >= rosters[listed[person]] or why == "roster not current"
    assert {(died[person] - rosters[listed[person]]).days for person in warned} >= {-1}
    assert {(died[person] - rosters[listed[person]]).days for person in silent} >= {0, 1}
    earners = {person for person in died if person in listed and age_on_day(person, died[person]) < 60}
    assert {listed[person] for person in earners} <= {
        row["division_code"] for row in truth["warnings"] if row["rule_code"] == "A09"
    }
    assert len(earners) == 1  # planted for A09, which would ask about any other


@pytest.mark.parametrize(
    ("last_day", "text"),
    [(date(2026, 9, 30), "2026.9"), (date(2026, 1, 31), "2026.01"), (date(2025, 10, 31), "2025.10")],
)
def test_a_month_of_death_cannot_be_taken_for_another(last_day, text):
    stage = Stage(Bureau.on(DAY), random.Random(1))
    place = stage.bureau.places[stage.bureau.current[0], "城市"][0]
    stage.death(stage.folk.person(place, (66, 80)), last_day, month_only=True)
    assert stage.tables["death_notice"].columns["_spoilt_cell"] == [text]


def test_supplements_are_owed_at_the_ages_that_the_truth_says(truth, pages):
    warned, silent = codes(truth, "warnings", "C01"), codes(truth, "silent", "C01")
    ages = {why: age_on_day(person) for person, why in (warned | silent).items()}
    assert ages["eighteen only tomorrow"] == 17
    assert ages["eighteen today"] == 18
    assert ages["sixty only tomorrow"] == 59
    assert ages["sixty today"] == 60
    paid = {number_in(row["id_number"][0]): fen_in(row["supplement_fen"]) for *_, row in records(pages, "dibao_person")}
    assert {paid[person] for person in warned} == {None, 0}
    others = set(codes(truth, "warnings", "B01", "B02", "C01")) | set(silent)
    unpaid = {
        person
        for person, amount in paid.items()
        if not amount and person and not 18 <= age_on_day(person) < 60 and person not in others
    }
    assert unpaid == set()


def test_benefits_follow_from_incomes(pages, truth):
    """So that no rule about amounts has anything to ask: the benefit fills the household up to the standard."""
    bureau = Bureau.on(DAY)
    spoilt = {(row["unit_code"], row["file_name"], row["sheet"], int(row["row"])) for row in truth["issues"]}
    odd = {person for name in ("warnings", "silent") for person in codes(truth, name, "C03", "C04", "C05")}
    for unit, file_name, sheet, number, row in records(pages, "dibao_household"):
        if (unit, file_name, sheet, number) in spoilt or number_in(row["head_id_number"][0]) in odd:
            continue
        monthly, yearly = (fen_in(row.get(name, (None, None))) for name in ("monthly_income_fen", "yearly_income_fen"))
        area = "城市" if yearly is None else "农村"
        standard = bureau.standard(bureau.places[unit, area][0])
        covered, income = int(row["insured_count"][0]), monthly * 12 if yearly is None else yearly
        gap = Decimal(standard * covered * 12 - income) / 1200
        assert 0 <= fen_in(row["monthly_benefit_fen"]) / 100 - float(gap) < 1
        remote = fen_in(row.get("remote_supplement_fen", (None, None)))
        assert (remote or 0) * 5 <= standard * covered
        if float(row["distance_km"][0]) > 30:
            assert remote


def test_nobody_stands_in_two_registries_or_divisions_unless_planted(truth, pages):
    seen = defaultdict(set)
    for kind in ("dibao_person", "tekun_person", "edge_person"):
        for unit, *_, row in records(pages, kind):
            seen[number_in(row["id_number"][0])].add((kind, unit))
    seen.pop(None)
    twice = {person for person, places in seen.items() if len(places) > 1}
    assert twice == set(codes(truth, "warnings", "B02", "B03")) | set(codes(truth, "silent", "B02", "B03"))


def test_people_in_no_registry_asked_for_help_twice_at_most(pages, truth):
    enrolled = {
        number_in(row["id_number"][0])
        for kind in ("dibao_person", "tekun_person", "edge_person")
        for *_, row in records(pages, kind)
    }
    asked = Counter(number_in(row["id_number"][0]) for *_, row in records(pages, "temporary_grant"))
    asked.pop(None)
    planted = set(codes(truth, "warnings", "A10", "A14")) | set(codes(truth, "silent", "A10", "A14"))
    assert max(times for person, times in asked.items() if person not in enrolled | planted) == 2
    thrice = {person for person, why in codes(truth, "warnings", "A10").items() if "two members" not in why}
    assert {asked[person] for person in thrice} == {3}


def test_warnings_name_each_subject_once_per_rule_and_no_silence_contradicts(truth):
    warned = Counter((row["rule_code"], row["subject_id_number"]) for row in truth["warnings"])
    assert set(warned.values()) == {1}
    known = {card.code for card in read_models(contracts.load().kinds).cards.values()}
    assert {row["rule_code"] for row in truth["warnings"]} == known
    assert not set(warned) & {(row["rule_code"], row["subject_id_number"]) for row in truth["silent"]}
    assert {row["level"] for row in truth["warnings"]} == {"red", "orange", "yellow", "blue"}


def test_partner_rows_grow_alone_and_another_seed_is_another_bureau(tmp_path, truth):
    rows = generate(tmp_path, people=PEOPLE, seed=3, day=DAY, partner_rows=40_000)["rows"]
    assert sum(rows[kind] for kind in PARTNERS) == 40_000
    assert {path.suffix for path in (tmp_path / "inbox/medical_insurance").iterdir()} == {".xlsx", ".csv", ".txt"}
    with (tmp_path / "truth/warnings.csv").open(encoding="utf-8", newline="") as file:
        other = Counter(row["rule_code"] for row in csv.DictReader(file))
    assert other == Counter(row["rule_code"] for row in truth["warnings"])
    with (tmp_path / "truth/warnings.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) != truth["warnings"]


@pytest.mark.slow
def test_the_readmes_say_how_large_the_bureau_of_the_demo_is(tmp_path):
    made = generate(tmp_path / "demo", people=3000, seed=1, day=DAY)
    rows, warnings = sum(made["rows"].values()), sum(made["warnings"].values())
    for page in ("README.md", "README.zh.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert f"inbox/ 有 {made['files']} 个文件、{rows} 行，" in text
        assert f"（{warnings} 条预警）" in text
        assert "--people 3000 --seed 1 --date $(DEMO_DATE)" in (ROOT / "Makefile").read_text(encoding="utf-8")
