"""Whole nights: what was planted is found and nothing else, and neither order, repeats nor crashes change the end."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline import run
from tests.night_kit import (
    DAY,
    ask,
    copy_home,
    differences,
    night_of_the_bureau,
    truth,
)  # fmt: skip

NEXT = DAY + timedelta(days=1)


@pytest.fixture(scope="module")
def bureau(tmp_path_factory):
    return night_of_the_bureau(tmp_path_factory)


# What was planted --------------------------------------------------------------------------------------------------


def test_the_night_lists_whom_it_must_and_nobody_else(bureau):
    planted = {tuple(line[name] for name in ("rule_code", "subject_id_number", "division_code", "level"))
               for line in truth(bureau, "warnings")}  # fmt: skip
    listed = ask(bureau, "select rule_code, subject_id_number, division_code, level from warning_list")
    assert Counter(listed) == Counter(planted)
    assert len(planted) > 50


def test_near_misses_stay_silent(bureau):
    silent = {(line["rule_code"], line["subject_id_number"]) for line in truth(bureau, "silent")}
    assert len(silent) > 50
    assert not silent & set(ask(bureau, "select rule_code, subject_id_number from warning"))


def test_every_row_of_every_file_is_accounted_for(bureau):
    """Files are named by the truth; one with two kinds has two lines."""
    names = ("rows_read", "rows_accepted", "rows_set_aside", "rows_out_of_scope")
    planted = Counter(
        (line["unit_code"], line["file_name"], line["kind"], line["status"], *(int(line[name]) for name in names))
        for line in truth(bureau, "submissions")
        if line["kind"]
    )
    found = ask(
        bureau,
        f"select unit_code, file_name, kind, status, {', '.join(names)} from submission"
        " where status not in ('refused', 'repeated')",
    )
    assert Counter(found) == planted
    balance = "rows_read = rows_accepted + rows_set_aside + rows_out_of_scope"
    assert ask(bureau, f"select count(*) from submission where not ({balance})") == [(0,)]
    linked = ask(bureau, "select submission_id, count(*) from record_link group by all")
    assert dict(linked) == dict(
        ask(bureau, "select submission_id, rows_accepted from submission where rows_accepted > 0")
    )


def test_what_cannot_be_taken_is_refused_and_what_came_twice_counts_once(bureau):
    planted = Counter(
        (line["unit_code"], line["file_name"], line["status"])
        for line in truth(bureau, "submissions")
        if not line["kind"]
    )
    found = ask(bureau, "select unit_code, file_name, status from submission where status in ('refused', 'repeated')")
    assert Counter(found) == planted
    assert all((bureau / "returns" / unit / f"{Path(name).stem}.xlsx").exists() for unit, name, _ in found
               if not name.endswith((".et",)))  # fmt: skip


def test_each_planted_fault_has_its_error_line(bureau):
    lines = set(ask(bureau, 'select unit_code, file_name, sheet, "row", header from validation_issue'))
    rows = {line[:4] for line in lines}
    missing = []
    for fault in truth(bureau, "issues"):
        row = (fault["unit_code"], fault["file_name"], fault["sheet"], int(fault["row"]))
        if not ((*row, fault["header"]) in lines or (fault["fault"].startswith("duplicate") and row in rows)):
            missing.append(fault)
    assert not missing
    assert ask(bureau, "select count(*) from validation_issue group by issue_id having count(*) > 1") == []


def test_nothing_is_left_in_the_inbox_and_every_file_is_in_the_archive(bureau):
    assert not [path for path in (bureau / "inbox").rglob("*") if path.is_file()]
    kept = {path.name for path in (bureau / "archive").rglob("*") if path.is_file()}
    assert {sha for (sha,) in ask(bureau, "select sha256 from submission")} == kept


# Again ---------------------------------------------------------------------------------------------------------------


def test_the_same_night_again_changes_nothing_and_the_next_keeps_ids_and_first_days(bureau, tmp_path):
    home = copy_home(bureau, tmp_path / "home")
    run.night(home, DAY)
    assert differences(bureau, home, without={"release": ["built_at"]}) == {}
    run.night(home, NEXT)
    columns = "warning_id, rule_code, subject_id, level, first_seen_on, due_on"
    before, after = (set(ask(each, f"select {columns} from warning")) for each in (bureau, home))
    changes = dict(ask(home, "select warning_id, change from warning_change"))
    # A day later some turned sixty and some amounts left their window; each of these is told, all others are as they were.
    assert {line[0]: "withdrawn" for line in before - after} | {line[0]: "added" for line in after - before} == changes
    assert len(before & after) > 50 > 10 > len(changes)
    assert all(line[4] == NEXT for line in after - before)
    assert ask(home, "select distinct run_date, last_seen_on from warning") == [(NEXT, NEXT)]
    assert all(because for (because,) in ask(home, "select because from warning_change"))
