"""Gathers the inputs of a build from the home: accepted rows in force, units, policy, and what arrived."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from low_income import __version__, warehouse
from low_income.model import column_letter, mask, month_of
from low_income.night import decisions, issues, rosters
from low_income.records import accepted_store, keyed_ids, seal
from low_income.records.ledger import Ledger, Submission
from low_income.settings import contracts
from low_income.settings.home import Home
from low_income.settings.places import Gazetteer, Place
from low_income.settings.policy import Policy

_ARROW: dict[str, pa.DataType] = {"BIGINT": pa.int64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_(), "DATE": pa.date32(),
          "TIMESTAMP": pa.timestamp("us"), "DECIMAL(18,4)": pa.decimal128(18, 4)}  # fmt: skip
_PLACES = ("district", "township", "current_address", "registered_address")
"""Fields of a partner's row that may name a division, in the order asked. The first field that names exactly one decides."""


def of_lists(home: Home, ledger: Ledger, day: date, without: Collection[str] = ()) -> warehouse.Inputs:
    """Gather what `registry` models of our own lists need: rows in force, units, policy, who is who. For the scope at the door."""
    submissions, in_force = _submissions(ledger, day, without=without)
    keys = seal.release_keys(home)
    answers = [line for line in decisions.rows(ledger, day, without) if line["about"] == "identity"]
    return warehouse.Inputs(
        day=day,
        accepted=_accepted(home, in_force),
        unproven=_unproven(home, in_force),
        given_tables=_of_lists(home, ledger, submissions, day) | {"decision": _table("decision", answers)},
        previous=warehouse.previous_release(home.releases, day, keys),
        keys=keys,
    )


def gather(
    home: Home,
    ledger: Ledger,
    day: date,
    built_at: datetime | None = None,
    *,
    judged_on: Mapping[str, date] | None = None,
    without: Collection[str] = (),
) -> warehouse.Inputs:
    """Gather the inputs of the night of `day`, without anything that arrived on a later night.

    `built_at` is only written down in the release. `judged_on` and `without` are as in `Ledger.as_of`: `judged_on` for
    past nights; `without` to try a build without some submissions, or filled-in lines (decision_ids).
    """
    submissions, in_force = _submissions(ledger, day, judged_on, without)
    keys = seal.release_keys(home)
    key, accepted, unproven = home.identity_key(), _accepted(home, in_force), _unproven(home, in_force)
    expected = [
        {
            "unit_code": unit,
            "kind": kind,
            "period": month_of(day) if contracts.load().kinds[kind].period == "month" else "",
            "due_day": home.due_day(unit),
        }
        for unit, kind in home.expected
    ]
    given_tables = _of_lists(home, ledger, submissions, day) | {
        "identity": _identities(home, (path for paths in (*accepted.values(), *unproven.values()) for path in paths)),
        "column": _table("column", (line for each in submissions for line in _columns(each))),
        "expected": _table("expected", expected),
        "decision": _table("decision", decisions.rows(ledger, day, without)),
        "draw": _table("draw", [{"salt": keyed_ids.draw_salt(key, day - timedelta(days=day.weekday()))}]),
        "release": _table("release", [_release(home, in_force, built_at)]),
        "place": _places(home, in_force),
        "issue": _issues(home, ledger, submissions, day),
    }
    return warehouse.Inputs(
        day=day,
        accepted=accepted,
        unproven=unproven,
        given_tables=given_tables,
        previous=warehouse.previous_release(home.releases, day, keys),
        keys=keys,
        earlier=lambda night: _earlier(home, ledger, night, judged_on, {each.submission_id for each in in_force}),
        warning_id=lambda code, subject, first_seen_on: keyed_ids.warning_id(key, code, subject, first_seen_on),
    )


def _earlier(
    home: Home, ledger: Ledger, night: date, judged_on: Mapping[str, date] | None, known: set[str]
) -> warehouse.Inputs:
    """The inputs from which an earlier night listed people. `identity` and `place` only of submissions that are not `known` (in force tonight)."""
    submissions, in_force = _submissions(ledger, night, judged_on)
    gone = [each for each in in_force if each.submission_id not in known]
    paths = [path for of_kind in (_accepted(home, gone), _unproven(home, gone)) for path in of_kind.values()]
    given_tables = _of_lists(home, ledger, submissions, night) | {
        "identity": _identities(home, (path for each in paths for path in each)),
        "place": _places(home, gone),
    }
    return warehouse.Inputs(
        day=night, accepted=_accepted(home, in_force), unproven=_unproven(home, in_force), given_tables=given_tables
    )


def _identities(home: Home, paths: Iterable[Path]) -> pa.Table:
    key = home.identity_key()
    ids = _person_ids(paths)
    homes = [keyed_ids.household_id(key, one) for one in ids]
    return pa.table({"person_id": pa.array(ids, pa.string()), "household_id": pa.array(homes, pa.string())})


def _submissions(
    ledger: Ledger, day: date, judged_on: Mapping[str, date] | None = None, without: Collection[str] = ()
) -> tuple[list[Submission], list[Submission]]:
    """(submissions that arrived up to the night and were judged, those of them that are in force)."""
    arrived = [each for each in ledger.as_of(day, judged_on, without) if each.outcome != "read"]
    return arrived, [each for each in arrived if each.kind and each.status in ("accepted", "partly_accepted")]


def _accepted(home: Home, in_force: list[Submission]) -> dict[str, list[Path]]:
    accepted: dict[str, list[Path]] = {}
    for each in in_force:
        if each.rows_accepted and each.kind:
            accepted.setdefault(each.kind, []).append(accepted_store.rows_path(home, each.kind, each.submission_id))
    return accepted


def _unproven(home: Home, in_force: list[Submission]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for each in in_force:
        path = accepted_store.rows_path(home, "unproven", each.submission_id)
        if path.exists():
            found.setdefault(each.kind or "", []).append(path)
    return found


def _of_lists(home: Home, ledger: Ledger, submissions: list[Submission], day: date) -> dict[str, pa.Table | list[Path]]:
    units = home.units.values()
    given_tables: dict[str, Iterable[Mapping[str, Any]]] = {
        "unit": (
            {"unit_code": unit.code, "name": unit.name, "unit_kind": unit.kind, "policy_region": unit.policy_region}
            for unit in units
        ),
        "township": (
            {"division_code": unit.code, "name": township.name, "is_border": township.is_border}
            for unit in units
            for township in unit.townships
        ),
        "submission": map(_submission, submissions),
        "gap": (
            {**vars(gap), "file_name": mask(gap.file_name)} for gap in rosters.gaps(home, ledger, submissions, day)
        ),
    }
    tables: dict[str, pa.Table | list[Path]] = {name: _table(name, rows) for name, rows in given_tables.items()}
    tables |= of_policy(home.policy, day)
    in_force = [each for each in submissions if each.status in ("accepted", "partly_accepted")]
    return tables | {"set_aside": _existing(home.accepted / "set_aside", in_force)}


def of_policy(values: Policy, day: date) -> dict[str, pa.Table]:
    """The given tables that a policy makes: its values in force on `day`, and the working days around it."""
    calendar = values.calendar(day - timedelta(days=4000), day + timedelta(days=400))
    return {
        "policy": _table("policy", (vars(each) | {"title": values.titles[each.key]} for each in values.on(day))),
        "calendar": _table("calendar", ({"day": each, "is_working": is_working} for each, is_working in calendar)),
    }


def _issues(home: Home, ledger: Ledger, submissions: list[Submission], day: date) -> pa.Table:
    columns = warehouse.INPUT["issue"]
    schema = pa.schema([(column, _ARROW.get(sql_type, pa.string())) for column, sql_type in columns.items()])
    found = issues.issues_as_of(home, submissions, ledger.waivers(day), day)
    return pa.Table.from_pandas(found[[*columns]], schema, preserve_index=False).replace_schema_metadata(None)


def _table(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    columns = warehouse.INPUT[name]
    schema = pa.schema([(column, _ARROW.get(sql_type, pa.string())) for column, sql_type in columns.items()])
    return pa.Table.from_pylist([{column: row.get(column) for column in columns} for row in rows], schema=schema)


def _person_ids(paths: Iterable[Path]) -> list[str]:
    found: set[str | None] = set()
    for path in paths:
        # Not `read_table`: its dataset costs more than reading such a small file.
        with closing(pq.ParquetFile(path)) as file:
            there = {"person_id", "head_person_id"} & set(file.schema_arrow.names)
            for column in file.read(columns=sorted(there)).columns:
                found.update(column.unique().to_pylist())
    return sorted(one for one in found if one)


def _submission(each: Submission) -> dict[str, Any]:
    names = ("submission_id", "unit_code", "kind", "file_name", "sha256", "night", "period", "rows_read", "rows_accepted",
             "rows_set_aside", "rows_out_of_scope", "status", "reason", "received_seq")  # fmt: skip
    return {name: getattr(each, name) for name in names} | {
        "received_at": each.received_at.astimezone(UTC).replace(tzinfo=None),
        "period": each.period or None,
    }


def _columns(each: Submission) -> list[dict[str, Any]]:
    return [
        {
            "submission_id": each.submission_id,
            "sheet": sheet["sheet"],
            "field": use["field"],
            "header": use["header"],
            "letter": column_letter(use["column"]),
        }
        for sheet in each.reading.get("sheets", [])
        for use in sheet["columns"]
    ]


def _places(home: Home, in_force: list[Submission]) -> pa.Table:
    """For rows of partners: the one division that township or address names, and the township; '' when no township is named.

    Columns are asked in turn, and only for rows that no earlier column has settled, since addresses take longest to read.
    """
    columns = warehouse.INPUT["place"]
    found = [pa.table({column: pa.array([], pa.string()) for column in columns})]
    for each in in_force:
        kind = contracts.load().kinds[each.kind or ""]
        fields = [field for field in _PLACES if field in kind.columns]
        if "division" in kind.senders or not fields or not each.rows_accepted:
            continue
        with closing(pq.ParquetFile(accepted_store.rows_path(home, kind.name, each.submission_id))) as file:
            found.append(_places_of(home.gazetteer, file.read(columns=["row_id", *fields]), fields).select([*columns]))
    return pa.concat_tables(found)


def _places_of(gazetteer: Gazetteer, rows: pa.Table, fields: list[str]) -> pa.Table:
    """(row_id, division_code, township) of the rows that name one division, sorted by row_id.

    Rows that name the same candidates in the same order are settled at once: `seen` of each row is one of few.
    """
    seen: list[tuple[tuple[Place, ...], ...]] = [()]
    settled: list[Place | None] = [None]
    of_row = np.zeros(len(rows), np.int64)
    for field in fields:
        texts = rows.column(field).combine_chunks().dictionary_encode()
        text_of_row = np.asarray(texts.indices.fill_null(-1))
        is_open = np.array([place is None or not place[1] for place in settled])
        asked = np.flatnonzero(is_open[of_row] & (text_of_row >= 0))
        words = texts.dictionary.to_pylist()
        used = [at for at in np.unique(text_of_row[asked]).tolist() if words[at]]
        named = gazetteer.places(words[at] for at in used)
        candidates: dict[tuple[Place, ...], int] = {}
        of_text = np.full(len(words), -1)
        for at in used:
            if places := tuple(named[words[at]]):
                of_text[at] = candidates.setdefault(places, len(candidates))
        asked = asked[of_text[text_of_row[asked]] >= 0]
        both = of_row[asked] * max(len(candidates), 1) + of_text[text_of_row[asked]]
        pairs, which = np.unique(both, return_inverse=True)
        of_row[asked] = len(seen) + which
        all_candidates = list(candidates)
        for before, more in (divmod(pair, max(len(candidates), 1)) for pair in pairs.tolist()):
            seen.append((*seen[before], all_candidates[more]))
            settled.append(_settle(seen[-1], settled[before]))
    there = np.flatnonzero(np.array([place is not None for place in settled])[of_row])
    placed = [place or ("", "") for place in settled]
    columns = {
        "row_id": rows.column("row_id").combine_chunks().take(there),
        "division_code": pa.array([division for division, _ in placed]).take(of_row[there]),
        "township": pa.array([township for _, township in placed]).take(of_row[there]),
    }
    return pa.table(columns).sort_by("row_id")


def _settle(seen: tuple[tuple[Place, ...], ...], before: Place | None) -> Place | None:
    """The division and township ('' when none) that candidates name, one column after the other; None when no column names one division.

    `before`: the same without the last column. Several divisions may have a township of the same name: so an earlier
    column may name the township once a later one has named the division.
    """
    division = (
        before[0]
        if before
        else next((codes.pop() for each in seen if len(codes := {code for code, _ in each}) == 1), "")
    )
    if not division:
        return None
    for each in seen:
        if len(names := {name for code, name in each if name and code == division}) == 1:
            return division, names.pop()
    return division, ""


def _existing(folder: Path, submissions: list[Submission]) -> list[Path]:
    return [path for each in submissions if (path := folder / f"{each.submission_id}.parquet").exists()]


def _settings_version(home: Home) -> str:
    """The digest of what monitor.yml says about units, as far as rules can see it."""
    said = [
        [unit.code, unit.kind, unit.policy_region, sorted((each.name, each.is_border) for each in unit.townships)]
        for unit in home.units.values()
    ]
    return hashlib.sha256(json.dumps(sorted(said, key=str), ensure_ascii=False).encode()).hexdigest()


def _release(home: Home, in_force: list[Submission], built_at: datetime | None) -> dict[str, Any]:
    lines = [f"{each.submission_id} {each.contract_digest}" for each in in_force]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return {
        "built_at": built_at.astimezone(UTC).replace(tzinfo=None) if built_at else None,
        "code_version": __version__,
        "policy_version": home.policy.digest(),
        "settings_version": _settings_version(home),
        "input_digest": digest,
    }
