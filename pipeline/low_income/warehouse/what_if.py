"""Finds what a decision about who is who would change on the lists: it runs the same rules again for the few people concerned.

Nothing is estimated. All of sql/ runs once more for each answer (same, not the same; counted with the other head), on the
rows of the people concerned and their households. Then the two results are compared, with the warnings that are carried over
because nobody can tell. The rows of all other people are left out, except one row of each submission: so rosters stay as
current as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from low_income.warehouse.decided import Rows, read_once, source

if TYPE_CHECKING:
    from low_income.warehouse import Inputs

WHAT_IF = {
    "left_ref": "VARCHAR", "right_ref": "VARCHAR", "answer": "VARCHAR", "rule_code": "VARCHAR", "level": "VARCHAR",
    "change": "VARCHAR", "warnings": "BIGINT",
}  # fmt: skip
"""Columns of the table made here. `answer`: same, not_same (for a pair) or placed (a person, with the other head); `change`: listed,
withdrawn, moved (to the list of another division). No row: the lists would stay as they are."""

Trial = Callable[["Inputs"], Mapping[str, pa.Table]]
"""Runs the rules on other inputs; gives `warnings` (rule_code, subject_id, person_id, household_id, division_code, level) and `person`."""

_PAIRS = """
create temp table pair as
with asked as (
    select left_ref, right_ref, score from registry.suggestion
    union all
    select row_id, person_id, 0 from registry.name_question where is_in_use
)
select left_ref, right_ref, row_number() over (partition by left_ref order by score desc, right_ref) as turn from asked
"""
_PLACED = """
create temp table elsewhere as
select person_id as left_ref, other_head_id as right_ref, kept_head_id,
    row_number() over (partition by person_id order by other_head_id) as turn
from registry.composition_conflict
"""
_INVOLVED = """
create temp table involved as
with core as (
    select right_ref as person_id from pair
    union select left_ref from pair
    union select unnest([left_ref, right_ref, kept_head_id]) from elsewhere
    union select head_person_id from unproven_head
    union select unnest([left_ref, right_ref]) from input.identity_decision where decision = 'same'
),
home as (select distinct household_id from registry.household_member where person_id in (select person_id from core)),
head as (
    select head_person_id from registry.household_member where household_id in (select household_id from home)
    union select person_id from core
)
select person_id from core where person_id is not null
union select person_id from registry.household_member where household_id in (select household_id from home)
union select head_person_id from head
union select person_id from registry.household_group
    where head_person_id in (select head_person_id from head) or tied_head_id in (select head_person_id from head)
"""
_COMPARE = """
insert into {table}
with about as (
    select pairs.left_ref, pairs.right_ref, unnest([pairs.left_ref, pairs.right_ref]) as person_id from {pairs} as pairs where {turn}
),
at_home as (
    select about.left_ref, about.right_ref, person.household_id
    from about join (select * from person_before union all select * from person_after) as person using (person_id)
    union
    select about.left_ref, about.right_ref, household_member.household_id
    from about
    join registry.household_group on about.person_id = household_group.tied_head_id
    join registry.household_member on household_group.person_id = household_member.person_id
),
changed as (
    select rule_code, subject_id, person_id, household_id, level, 'withdrawn' as change
    from warnings_before as before anti join warnings_after as after using (rule_code, subject_id, level)
    union all
    select rule_code, subject_id, person_id, household_id, level, 'listed' as change
    from warnings_after as after anti join warnings_before as before using (rule_code, subject_id, level)
    union all
    select after.rule_code, after.subject_id, after.person_id, after.household_id, after.level, 'moved' as change
    from warnings_after as after join warnings_before as before using (rule_code, subject_id, level)
    where after.division_code <> before.division_code
),
concerned as (
    select about.left_ref, about.right_ref, changed.* from about join changed using (person_id)
    union
    select at_home.left_ref, at_home.right_ref, changed.* from at_home join changed using (household_id)
)
select left_ref, right_ref, {answer}, rule_code, level, change, count(distinct subject_id)
from concerned group by all
"""


@dataclass(frozen=True)
class _Question:
    """One run: what is assumed to be decided, and about which pairs its result speaks."""

    answer: str
    pairs: str
    turn: int | None
    decisions: pa.Table
    placed: pa.Table


def make_what_if(con: duckdb.DuckDBPyConnection, inputs: Inputs, trial: Trial, table: str) -> None:
    """Create `table` (WHAT_IF). `con` holds the tables built tonight; `inputs` are the inputs of that build."""
    con.execute(f"create table {table} ({', '.join(f'{name} {sql_type}' for name, sql_type in WHAT_IF.items())})")
    con.execute(_PAIRS)
    con.execute(_PLACED)
    questions = list(_questions(con))
    if questions:
        smaller = _smaller(con, inputs)
        smaller = replace(smaller, given_tables={**smaller.given_tables, "identity_decision": _standing(con)})
        before = trial(smaller)
        for question in questions:
            given_tables = {**smaller.given_tables, "identity_decision": question.decisions, "placed": question.placed}
            _compare(con, question, before, trial(replace(smaller, given_tables=given_tables)), table)
    con.execute("drop table pair; drop table elsewhere")


def _questions(con: duckdb.DuckDBPyConnection) -> Iterable[_Question]:
    """As few runs as possible: all pairs together, but pairs that share a row in different runs (`turn`)."""
    others = (
        "select left_ref, right_ref, decision from input.identity_decision anti join pair using (left_ref, right_ref)"
    )
    nobody = pa.table({"person_id": pa.array([], pa.string()), "head_person_id": pa.array([], pa.string())})
    if con.execute("select count(*) from pair").fetchall()[0][0]:
        no = con.sql(f"{others} union all select left_ref, right_ref, 'not_same' from pair").to_arrow_table()
        yield _Question("not_same", "pair", None, no, nobody)
    for (turn,) in con.execute("select distinct turn from pair order by turn").fetchall():
        yes = con.sql(
            f"{others} union all select left_ref, right_ref, case when turn = {turn} then 'same' else 'not_same' end from pair"
        ).to_arrow_table()
        yield _Question("same", "pair", turn, yes, nobody)
    for (turn,) in con.execute("select distinct turn from elsewhere order by turn").fetchall():
        there = con.sql(
            f"select left_ref as person_id, right_ref as head_person_id from elsewhere where turn = {turn}"
        ).to_arrow_table()
        yield _Question("placed", "elsewhere", turn, _standing(con), there)


def _standing(con: duckdb.DuckDBPyConnection) -> pa.Table:
    found: pa.Table = con.sql("select left_ref, right_ref, decision from input.identity_decision").to_arrow_table()
    return found


def _smaller(con: duckdb.DuckDBPyConnection, inputs: Inputs) -> Inputs:
    """The same night with the rows of the people concerned, and one row of each submission."""
    aside = [source(con, rows, f"unproven_{kind}") for kind, rows in sorted(inputs.unproven.items()) if len(rows)]
    heads = " union ".join(
        f"select head_person_id from {rows} as aside where row_id in (select left_ref from pair)" for rows in aside
    )
    con.execute(f"create temp view unproven_head as {heads or 'select cast(null as varchar) as head_person_id'}")
    con.execute(_INVOLVED)
    accepted: dict[str, Rows] = {}
    for kind, rows in sorted(inputs.accepted.items()):
        if len(rows):
            all_rows = source(con, rows, f"all_{kind}")
            accepted[kind] = con.sql(
                f"""select * from {all_rows} as rows
                where person_id in (select person_id from involved) or head_person_id in (select person_id from involved)
                    or row_id in (select min(row_id) from {all_rows} as rows group by submission_id)"""
            ).to_arrow_table()
    before = {
        "previous_person": "select * from input.previous_person where person_id in (select person_id from involved)",
        "previous_warning": "select * from input.previous_warning where status <> 'closed' and household_id in"
        " (select household_id from registry.household_member where person_id in (select person_id from involved))",
    }
    given = {table: con.sql(query).to_arrow_table() for table, query in before.items()}
    given |= read_once(con, {table: rows for table, rows in inputs.given_tables.items() if table not in before})
    con.execute("drop view unproven_head; drop table involved")
    return replace(inputs, accepted=accepted, previous=None, given_tables={**inputs.given_tables, **given})


def _compare(
    con: duckdb.DuckDBPyConnection,
    question: _Question,
    before: Mapping[str, pa.Table],
    after: Mapping[str, pa.Table],
    table: str,
) -> None:
    given = {
        f"{name}_{when}": rows for when, both in (("before", before), ("after", after)) for name, rows in both.items()
    }
    for name, rows in given.items():
        con.register(name, rows)
    turn = "true" if question.turn is None else f"pairs.turn = {question.turn}"
    con.execute(_COMPARE.format(table=table, pairs=question.pairs, turn=turn, answer=f"'{question.answer}'"))
    for name in given:
        con.unregister(name)
