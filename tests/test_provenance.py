"""The purpose walk has no side door: a model that carries identity tells nobody's facts, whatever they are called on the way.

The property is that of non-interference: a model that is let pass gives the same rows when every fact is another, and when
the rows of partners stand on each other's lists.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from low_income.model import ModelError
from low_income.settings import contracts
from low_income.warehouse.models import Models, read_models

KINDS = {name: contracts.load().kinds[name] for name in ("dibao_person", "medical_expense", "disability_certificate")}
NOTE = "grain: one row\nkey: [row_id]\n"
IDENTITY = NOTE + "carries: identity\n"
ROW = "row_id, unit_code, submission_id, sheet, row_number, period, person_id, id_number, name"
PERSON_ROW = "\nunion all\n".join(
    f"select '{kind}' as kind, '{called}' as list, {sender} as own_unit_code, {ROW} from accepted.{kind}"
    for kind, called, sender in (
        ("dibao_person", "dibao", "unit_code"),
        ("medical_expense", "other", "cast(null as varchar)"),
        ("disability_certificate", "other", "cast(null as varchar)"),
    )
)
OTHERS = {
    "person_row": f"with named as ({PERSON_ROW}) select named.row_id as row_id, named.kind as kind, named.list as list,"
    " named.unit_code as unit_code, named.submission_id as submission_id, named.person_id as person_id,"
    " named.id_number as id_number, named.name as name, case when named.list = 'other' then 6 else 1 end as source_rank,"
    " named.period is null as is_in_use, named.own_unit_code as own_unit_code from named",
    "burden": "select person_id as person_id, sum(burden_fen) as burden_fen from accepted.medical_expense group by person_id",
    "hidden": "select person_id as person_id, row_id as row_id, illness as name, is_disabled as is_in_use from accepted.dibao_person",
    "sender": "select person_id as person_id, unit_code as unit_code from accepted.medical_expense",
}


def examined(folder: Path, sql: str) -> Models:
    """The models when `registry.who` is this query and carries identity. Raises ModelError when it may not be built."""
    registry = folder / "registry"
    registry.mkdir(parents=True, exist_ok=True)
    (folder / "published").mkdir(exist_ok=True)
    for name, query in {**OTHERS, "who": sql}.items():
        (registry / f"{name}.sql").write_text(query, encoding="utf-8")
        (registry / f"{name}.yml").write_text(IDENTITY if name == "who" else NOTE, encoding="utf-8")
    models = read_models(KINDS, folder)
    models.validate(["registry.who"])
    return models


HONEST = {
    "of all lists": "select person_row.person_id as person_id, max(person_row.name) as name from registry.person_row as person_row"
    " group by person_row.person_id",
    "of our own": "select dibao_person.person_id as person_id, coalesce(dibao_person.relation, '户主') as relation"
    " from accepted.dibao_person as dibao_person",
    "since when on our own": "with ranked as (select person_id, row_id, "
    "row_number() over (partition by person_id order by start_month desc, row_id) as place"
    " from accepted.dibao_person) select ranked.person_id as person_id, ranked.row_id as row_id from ranked where ranked.place = 1",
    "the earliest row": "with ranked as (select person_id, name, "
    "row_number() over (partition by person_id order by source_rank, kind, submission_id, row_id)"
    " as place from registry.person_row) select ranked.person_id as person_id, ranked.name as name from ranked where ranked.place = 1",
    "which division": "select person_id as person_id, own_unit_code as unit_code from registry.person_row where own_unit_code is not null",
    "a union below a with": "with ours as (select person_id, name from accepted.dibao_person)"
    " select ours.person_id as person_id, ours.name as name from ours union all select ours.person_id, ours.name from ours",
    "one of ours": "select person_row.person_id as person_id from registry.person_row as person_row where person_row.list = 'dibao'",
}  # fmt: skip


@pytest.mark.parametrize("sql", HONEST.values(), ids=HONEST)
def test_who_is_who_is_told(tmp_path: Path, sql: str) -> None:
    examined(tmp_path, sql)


SIDE_DOORS = {
    "an alias": "select person_id as person_id, diagnosis as name from (select person_id as person_id, care_type as diagnosis"
    " from accepted.medical_expense) as x",
    "an alias of our own": "select person_id as person_id, illness as name from accepted.dibao_person",
    "a function over another": "select person_id as person_id, upper(coalesce(name, illness)) as name from accepted.dibao_person",
    "a whole row": "select dibao_person.person_id as person_id, to_json(dibao_person) as name from accepted.dibao_person as dibao_person",
    "a whole row by its alias": "select d.person_id as person_id, cast(d as varchar) as name from accepted.dibao_person as d",
    "columns by pattern": "select columns('.*') from accepted.dibao_person",
    "columns by pattern in a function": "select person_id as person_id, coalesce(*columns('ill.*')) as name from accepted.dibao_person",
    "columns by position": "select person_id as person_id, #20 as name from accepted.dibao_person",
    "a star": "select * from accepted.dibao_person",
    "a star that leaves out": "select * exclude (illness) from accepted.dibao_person",
    "a star that renames": "select * rename (illness as name) from (select person_id, illness from accepted.dibao_person) as d",
    "a condition": "select person_id as person_id from accepted.dibao_person where illness is not null",
    "a condition in capitals": "select person_id as person_id from accepted.dibao_person where ILLNESS is not null",
    "whether it can be read": "select person_id as person_id from accepted.dibao_person where illness__unreadable",
    "its text": "select person_id as person_id, illness__text as name from accepted.dibao_person",
    "a join": "select p.person_id as person_id from registry.person_row as p inner join registry.burden as b on p.person_id = b.person_id",
    "another table's alias": "select hidden.person_id as person_id, hidden.name as name from registry.hidden as hidden",
    "a flag under an honest name": "select hidden.person_id as person_id, hidden.is_in_use as is_in_use from registry.hidden as hidden",
    "an order with a limit": "select person_id as person_id from accepted.dibao_person order by illness limit 1",
    "an order of a window": "with r as (select person_id, row_number() over (order by illness) as place from accepted.dibao_person)"
    " select r.person_id as person_id from r where r.place = 1",
    "a group": "select max(name) as name from accepted.dibao_person group by illness",
    "a subquery": "select person_id as person_id, (select max(illness) from accepted.dibao_person) as name from accepted.dibao_person",
    "a subquery in a condition": "select person_id as person_id from registry.person_row where person_id in (select person_id"
    " from accepted.dibao_person where is_disabled)",
    "exists": "select p.person_id as person_id from registry.person_row as p where exists (select 1 from accepted.medical_expense as m"
    " where m.person_id = p.person_id)",
    "on one partner's list": "select person_id as person_id from accepted.medical_expense",
    "on one through another": "select sender.person_id as person_id from registry.sender as sender",
    "which list": "select person_id as person_id, kind as kind from registry.person_row",
    "which list in a condition": "select person_id as person_id from registry.person_row where kind = 'medical_expense'",
    "which bureau": "select person_id as person_id, unit_code as unit_code from registry.person_row",
    "which file": "select person_id as person_id, submission_id as submission_id from registry.person_row",
    "using": "select name as name from accepted.dibao_person inner join registry.hidden using (name)",
    "natural": "select person_id as person_id from registry.person_row natural join registry.burden",
    "except": "select person_id as person_id from registry.person_row except select person_id from accepted.dibao_person where is_disabled",
    "a union": "select person_id as person_id, name as name from accepted.dibao_person union all select person_id, illness"
    " from accepted.dibao_person",
    "a union below a with": "with ours as (select person_id, name, illness from accepted.dibao_person)"
    " select ours.person_id as person_id, ours.name as name from ours union all select ours.person_id, ours.illness from ours",
    "names beside a cte": "with d(person_id, name) as (select person_id, illness from accepted.dibao_person)"
    " select d.person_id as person_id, d.name as name from d",
    "an alias used again": "select person_id as person_id, illness as standing, standing as name from accepted.dibao_person",
    "distinct on": "select distinct on (illness) person_id as person_id from accepted.dibao_person",
    "qualify": "select person_id as person_id from accepted.dibao_person qualify row_number() over (order by illness) = 1",
    "lateral": "select p.person_id as person_id, l.name as name from registry.person_row as p, lateral (select illness as name"
    " from accepted.dibao_person) as l",
    "pivot": "select * from (pivot accepted.dibao_person on illness using count(*) group by person_id)",
    "a lambda": "select person_id as person_id, list_transform([illness], x -> x) as name from accepted.dibao_person",
}  # fmt: skip


@pytest.mark.parametrize("sql", SIDE_DOORS.values(), ids=SIDE_DOORS)
def test_a_side_door_is_shut(tmp_path: Path, sql: str) -> None:
    with pytest.raises(ModelError, match=r"registry/who\.sql"):
        examined(tmp_path, sql)


# The property --------------------------------------------------------------------------------------------------------

COLUMNS = {
    "accepted.dibao_person": ["person_id", "row_id", "name", "relation", "illness", "is_disabled", "health__text", "start_month"],
    "accepted.medical_expense": ["person_id", "name", "burden_fen", "care_type", "unit_code"],
    "accepted.disability_certificate": ["person_id", "name", "disability_level"],
    "registry.person_row": [
        "person_id", "row_id", "name", "kind", "list", "unit_code", "submission_id", "source_rank", "is_in_use", "own_unit_code",
    ],
    "registry.burden": ["person_id", "burden_fen"],
    "registry.hidden": ["person_id", "row_id", "name", "is_in_use"],
    "registry.sender": ["person_id", "unit_code"],
}  # fmt: skip
FACTS = {
    "dibao_person": ["illness", "is_disabled", "health__text"],
    "medical_expense": ["burden_fen", "care_type"],
    "disability_certificate": ["disability_level"],
}
OUTPUTS = ["person_id", "name", "relation", "state", "standing", "household_no", "is_in_use"]
SENDERS = {
    "dibao_person": "d01",
    "medical_expense": "medical_insurance",
    "disability_certificate": "disabled_federation",
}


def database(world: int) -> duckdb.DuckDBPyConnection:
    """Three lists; in world 1 every fact is another, and the two partners' rows stand on each other's list."""
    con = duckdb.connect()
    con.execute("create schema accepted; create schema registry")
    people = {"dibao_person": "甲乙丙丁", "medical_expense": "甲乙戊", "disability_certificate": "乙丙己"}
    if world:
        swapped = {"medical_expense": "disability_certificate", "disability_certificate": "medical_expense"}
        people = {kind: people[swapped.get(kind, kind)] for kind in people}
    for kind, who in people.items():
        columns = KINDS[kind].accepted_columns()
        listed = ", ".join(f'"{name}" {sql_type}' for name, sql_type in columns.items())
        con.execute(f"create table accepted.{kind} ({listed})")
        for at, person in enumerate(who):
            row = {
                "person_id": person, "row_id": f"{person}{'own' if kind == 'dibao_person' else len(who)}", "name": f"名{person}",
                "id_number": person, "unit_code": SENDERS[kind], "submission_id": kind, "sheet": kind, "row_number": at,
            }  # fmt: skip
            if kind == "dibao_person":
                row |= {"relation": "户主", "start_month": f"202{at}-01-01"}
            facts = {
                "illness": "肺" if (at + world) % 2 else None, "is_disabled": bool((at + world) % 2), "health__text": f"说{world}",
                "burden_fen": 100 * (at + 1) + 1000 * world, "care_type": f"类{world}", "disability_level": f"{(at + world) % 3}级",
            }  # fmt: skip
            row |= {name: facts[name] for name in FACTS[kind]}
            con.execute(
                f"insert into accepted.{kind} ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                list(row.values()),
            )
    for name, sql in OTHERS.items():
        con.execute(f"create table registry.{name} as {sql}")
    return con


WORLDS = [database(0), database(1)]


@st.composite
def expressions(draw: st.DrawFn, table: str, alias: str, depth: int = 2) -> str:
    column = draw(st.sampled_from(COLUMNS[table]))
    name = draw(st.sampled_from([column, f"{alias}.{column}", column.upper(), f"{alias}.{column}"]))
    if depth == 0:
        return name
    inner = draw(expressions(table, alias, depth - 1))
    other = draw(st.sampled_from(sorted(COLUMNS)))
    of_other = draw(st.sampled_from(COLUMNS[other]))
    return draw(
        st.sampled_from([
            name, name, f"cast({inner} as varchar)", f"coalesce(cast({inner} as varchar), cast({name} as varchar))",
            f"case when {inner} is null then '无' else '有' end", f"max({name}) over (partition by {inner})",
            f"row_number() over (order by {inner}, {alias}.person_id)", f"to_json({alias})", alias, "columns('.*')", "#2", "'常'",
            f"(select max(cast(u.{of_other} as varchar)) from {other} as u)",
            f"(select count(*) from {other} as u where u.person_id = {alias}.person_id)",
        ])
    )  # fmt: skip


@st.composite
def selects(draw: st.DrawFn, outputs: tuple[str, ...], source: str | None = None) -> str:
    table = source or draw(st.sampled_from(sorted(COLUMNS)))
    items = [f"{draw(expressions(table, 't'))} as {output}" for output in outputs]
    other = draw(st.sampled_from(sorted(COLUMNS)))
    condition = draw(expressions(table, "t", 1))
    tail = draw(
        st.sampled_from([
            "", "", "", f" where {condition} is not null", f" where exists (select 1 from {other} as u where u.person_id = t.person_id)",
            f" where t.person_id in (select person_id from {other})", f" inner join {other} as u on t.person_id = u.person_id",
            f" left join {other} as u on t.person_id = u.person_id where u.person_id is null", f" inner join {other} as u using (person_id)",
            f" natural join {other}", f" order by {condition}, t.person_id limit 2",
            f" qualify row_number() over (order by {condition}, t.person_id) = 1",
        ])
    )  # fmt: skip
    return f"select {', '.join(items)} from {table} as t{tail}"


@st.composite
def queries(draw: st.DrawFn) -> str:
    outputs = tuple(draw(st.lists(st.sampled_from(OUTPUTS), min_size=1, max_size=3, unique=True)))
    inner = draw(selects(outputs))
    shape = draw(st.sampled_from(["plain", "plain", "cte", "subquery", "union", "condition"]))
    named = ", ".join(f"c.{output} as {output}" for output in outputs)
    return {
        "plain": inner,
        "cte": f"with c as ({inner}) select {named} from c",
        "subquery": f"select {named} from ({inner}) as c",
        "union": f"{inner} union all {draw(selects(outputs))}",
        "condition": f"with c as ({inner}) select person_id as person_id from accepted.dibao_person, c where c.{outputs[0]} is null",
    }[shape]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=queries())
def test_no_model_that_passes_carries_a_fact(tmp_path_factory: pytest.TempPathFactory, sql: str) -> None:
    try:
        examined(tmp_path_factory.getbasetemp() / "generated", sql)
    except ModelError:
        event("refused")
        return
    try:
        first, second = (sorted(map(repr, con.execute(sql).fetchall())) for con in WORLDS)
    except duckdb.Error:
        assume(False)
    event("passed")
    assert first == second, sql
