"""Applies what people decided about who is who, while accepted rows are loaded. Files do not change, so it is reversible.

Only the decision `same` has an effect here: a set-aside row is loaded as a person's row, or a person's rows are counted as
another person's. Without a decision, records are joined only by an identical, verified number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from low_income.model import PROVISIONAL, quote
from low_income.settings.contracts import Kind

Rows = pa.Table | Sequence[Path]
DECIDED = "decided"
"""`identity_state` of a row that belongs to a person because people said so."""


def source(con: duckdb.DuckDBPyConnection, rows: Rows, name: str) -> str:
    """The SQL after `from` by which these rows can be read; rows in memory are registered as `name`."""
    if isinstance(rows, pa.Table):
        con.register(name, rows)
        return name
    paths = ", ".join(quote(str(path)) for path in rows)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"


def read_once(con: duckdb.DuckDBPyConnection, tables: Mapping[str, Rows]) -> dict[str, pa.Table]:
    """Those of the given tables that are in files, in memory: for several builds that need the same."""
    return {
        name: con.sql(f"select * from {source(con, rows, name)}").to_arrow_table()
        for name, rows in tables.items()
        if len(rows) and not isinstance(rows, pa.Table)
    }


def same_rows(one: Rows, other: Rows) -> bool:
    """Whether the same files were given twice, or equal rows in memory."""
    if isinstance(one, pa.Table) and isinstance(other, pa.Table):
        return one is other or bool(one.equals(other))
    return not isinstance(one, pa.Table) and not isinstance(other, pa.Table) and list(one) == list(other)


class Decided:
    """The decisions `same` of a night: which rows belong to whom. Looks up the numbers of the people concerned in all accepted rows."""

    def __init__(self, con: duckdb.DuckDBPyConnection, kinds: Mapping[str, Kind], accepted: Mapping[str, Rows]) -> None:
        self._con = con
        pairs = con.execute(
            "select left_ref, right_ref from input.identity_decision where decision = 'same' order by all"
        ).fetchall()
        people = {right for _, right in pairs}
        found = self._numbers(kinds, accepted, people | {left for left, _ in pairs}) if pairs else {}
        self._merged = _chains([(left, right) for left, right in pairs if left in found and right in found])
        people_alone = [(left, right) for left, right in pairs if "#" not in left]  # a row's id contains #
        self._borne = _known_by(people_alone, {self._merged.get(each, each) for each in found})
        self._joined = [
            (left, whose, *found[whose])
            for left, right in pairs
            if left not in found and (whose := self._merged.get(right, right)) in found
        ]

    def _numbers(
        self, kinds: Mapping[str, Kind], accepted: Mapping[str, Rows], people: set[str]
    ) -> dict[str, tuple[str, str | None, str | None]]:
        con = self._con
        con.register("wanted_person", pa.table({"person_id": pa.array(sorted(people), pa.string())}))
        each = [
            f"select person_id, {kinds[kind].person.id_number} as id_number, id_sex, cast(id_birth_date as date) as id_birth_date"
            f" from {source(con, rows, f'all_{kind}')} as rows where person_id in (select person_id from wanted_person)"
            f" and identity_state <> '{PROVISIONAL}'"
            for kind, rows in sorted(accepted.items())
            if len(rows)
        ]
        rows = con.execute(
            f"select person_id, min(id_number), min(id_sex), min(id_birth_date) from ({' union all '.join(each)}) group by all"
        ).fetchall() if each else []  # fmt: skip
        con.unregister("wanted_person")
        return {person: (number, sex, born) for person, number, sex, born in rows}

    @property
    def joins(self) -> bool:
        """Whether people said of some set-aside row that it is a person's."""
        return bool(self._joined)

    def concerns(self, unproven: Rows) -> bool:
        """Whether people said anything for which a kind's rows may not be loaded as they are given. `unproven`: set-aside rows of the kind."""
        return bool(self._merged or (self._joined and len(unproven)))

    def join(self, kind: Kind, given: str, unproven: str) -> None:
        """Add to the table `given` of a kind the set-aside rows of `unproven` that belong to a person by a decision.

        On a list that names each person once, a person who is on it already is not added a second time.
        """
        con = self._con
        names = ("row_id", "person_id", "id_number", "id_sex", "id_birth_date")
        con.register(
            "joined", pa.table({name: pa.array([row[at] for row in self._joined]) for at, name in enumerate(names)})
        )
        person = kind.person
        said = {
            "person_id": "joined.person_id", "identity_state": f"'{DECIDED}'", "id_sex": "joined.id_sex",
            "id_birth_date": "joined.id_birth_date", person.id_number: "joined.id_number",
        }  # fmt: skip
        if person.head:
            own = f"(rows.{person.head}__text is null or rows.{person.head}__text = rows.{person.id_number}__text)"
            said["head_person_id"] = (
                f"case when rows.head_person_id is null and {own} then joined.person_id else rows.head_person_id end"
            )
            said[person.head] = (
                f"case when rows.{person.head} is null and {own} then joined.id_number else rows.{person.head} end"
            )
        columns = list(kind.accepted_columns())
        values = ", ".join(f"{said.get(name, f'rows.{name}')} as {name}" for name in columns)
        once = ""
        if kind.key == [person.id_number]:
            once = (
                f" where not exists (select 1 from {given} as there where there.unit_code = rows.unit_code"
                " and there.period is not distinct from rows.period and there.person_id = joined.person_id)"
                " qualify row_number() over (partition by rows.unit_code, rows.period, joined.person_id order by rows.row_id) = 1"
            )
        con.execute(
            f"insert into {given} ({', '.join(columns)}) select {values} from {unproven} as rows"
            f" join joined on rows.row_id = joined.row_id{once}"
        )
        con.unregister("joined")

    def merge_set_aside(self) -> None:
        """Put the person's own id on set-aside rows that carry another of the person's numbers.

        In input.set_aside and input.set_aside_name, if they exist. Also for numbers that no accepted row gives any more:
        such a row cannot be used, but it may still be about that person.
        """
        if not self._borne:
            return
        con = self._con
        con.register("borne", _two("from_id", "to_id", sorted(self._borne.items())))
        for (table,) in con.execute(
            "select table_name from duckdb_tables() where schema_name = 'input' and table_name in ('set_aside', 'set_aside_name') order by all"
        ).fetchall():
            con.execute(
                f"update input.{table} set person_id = borne.to_id from borne where {table}.person_id = borne.from_id"
            )
        con.unregister("borne")

    def merge(self, kind: Kind, given: str) -> None:
        """In the table `given` of a kind, count a person's rows as another's; keep one row on a list that names each person once."""
        if not self._merged:
            return
        con = self._con
        con.register("merged", _two("from_id", "to_id", sorted(self._merged.items())))
        if kind.key == [kind.person.id_number]:
            con.execute(
                f"""delete from {given} where row_id in (
                    select rows.row_id from {given} as rows left join merged on rows.person_id = merged.from_id
                    where coalesce(merged.to_id, rows.person_id) in (select to_id from merged)
                    qualify row_number() over (
                        partition by rows.unit_code, rows.period, coalesce(merged.to_id, rows.person_id)
                        order by case when merged.to_id is null then 0 else 1 end, rows.row_id
                    ) > 1)"""
            )
        for column in ("person_id", "head_person_id"):
            con.execute(
                f"update {given} set {column} = merged.to_id from merged where {given}.{column} = merged.from_id"
            )
        con.unregister("merged")


def make_contradiction(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Create the table `name` (decision_id, said): answers that each stand by themselves and cannot all be true.

    A contradiction is a `not_same` and several `same` that lead from one of its sides to the other. `said` names them all,
    with writer and date, and is the same text for all of one contradiction. Only those who wrote them can tell which is
    wrong: until then none of these `same` may join anybody (docs/identity.md, joining).
    """
    rows = con.execute(
        """select heard.decision_id, heard.left_ref, heard.right_ref, heard.result,
            coalesce(unit.name, heard.unit_code) || heard.decided_by || ' ' || cast(heard.decided_on as varchar)
                || '“' || answer.title || '”（疑问 ' || substr(heard.subject, 1, 8) || ')' as said
        from life.heard as heard
        inner join input.answer as answer on heard.result = answer.answer
        left join input.unit as unit on heard.unit_code = unit.unit_code
        where heard.about = 'identity' and heard.state = 'stands' and heard.result in ('same', 'not_same')
        order by heard.decided_on, heard.unit_code, heard.decided_by, heard.decision_id"""
    ).fetchall()
    same = {decision_id: (left, right) for decision_id, left, right, decision, _ in rows if decision == "same"}
    groups = _groups(same.values())
    torn: dict[int, set[str]] = {}
    for decision_id, left, right, decision, _ in rows:
        if decision == "not_same" and right in groups.get(left, ()):
            inside = {each: pair for each, pair in same.items() if pair[0] in groups[left]}
            torn.setdefault(id(groups[left]), set()).update({decision_id, *_between(inside, left, right)})
    found = []
    for involved in torn.values():
        said = "、".join(row[4] for row in rows if row[0] in involved)
        found += [(decision_id, said) for decision_id in involved]
    con.register("given_contradiction", _two("decision_id", "said", sorted(found)))
    con.execute(f"create table {name} as select * from given_contradiction")
    con.unregister("given_contradiction")


def make_named_in(
    con: duckdb.DuckDBPyConnection, name: str, kinds: Mapping[str, Kind], accepted: Mapping[str, Rows]
) -> None:
    """Create the table `name` (person_id, unit_code, is_in_use): the units whose rows name the people whom an answer is about.

    A partner's row counts for the division where its address lies. A row that was set aside counts for its sender when it
    has the very name under which others know the person. In use are a unit's own lists; of monthly lists, the last one
    that is not later than tonight's month.
    """
    con.execute(
        "create temp table asked as select distinct unnest([left_ref, right_ref]) as ref from life.said"
        " where about = 'identity' and problem is null and result in ('same', 'not_same')"
    )
    told = "select cast(null as varchar) as person_id, cast(null as varchar) as unit_code, false as is_in_use limit 0"
    con.execute(f"create table {name} as {told}")
    if not con.execute("select 1 from asked limit 1").fetchall():
        con.execute("drop table asked")
        return
    con.execute(
        "create temp table asked_row as select row_id, unit_code, folded_name(name) as folded_name from input.set_aside"
        " where row_id in (select ref from asked) and name is not null"
    )
    for kind, rows in sorted(accepted.items()):
        if not len(rows):
            continue
        given = (
            f"(select * from {source(con, rows, f'own_{kind}')} as every where person_id in (select ref from asked))"
        )
        con.execute(
            f"insert into {name} select distinct rows.person_id, asked_row.unit_code, false from {given} as rows"
            f" join asked_row on folded_name(rows.{kinds[kind].person.name}) = asked_row.folded_name"
        )
        if kinds[kind].is_partner:
            con.execute(
                f"insert into {name} select distinct rows.person_id, place.division_code, false from {given} as rows"
                " join input.place as place on rows.row_id = place.row_id"
            )
        else:
            con.execute(
                f"""insert into {name} select person_id, rows.unit_code, bool_or(rows.period is not distinct from last.period)
                from {given} as rows left join (
                    select unit_code, max(period) as period from {source(con, rows, f"own_{kind}")} as every
                    where period <= (select strftime(run_date, '%Y-%m') from input.night) group by unit_code
                ) as last on rows.unit_code = last.unit_code group by all"""
            )
    con.execute("drop table asked; drop table asked_row")


def _between(pairs: Mapping[str, tuple[str, str]], one: str, other: str) -> set[str]:
    """The pairs that lie on a way from `one` to `other`: all pairs except side branches that end nowhere."""
    left = dict(pairs)
    while True:
        ends = Counter(end for pair in set(map(frozenset, left.values())) for end in pair)
        hanging = {key for key, pair in left.items() if any(ends[end] == 1 and end not in (one, other) for end in pair)}
        if not hanging:
            return set(left)
        left = {key: pair for key, pair in left.items() if key not in hanging}


def _groups(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Each reference → the set of all that pairs connect with it; connected ones share one set."""
    groups: dict[str, set[str]] = {}
    for left, right in pairs:
        together = groups.get(left, {left}) | groups.get(right, {right})
        for each in together:
            groups[each] = together
    return groups


def _chains(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Person → the person he is counted as: the last by id of all who were said to be one."""
    groups = _groups(pairs)
    return {each: max(together) for each, together in groups.items() if each != max(together)}


def _known_by(pairs: Iterable[tuple[str, str]], known: set[str]) -> dict[str, str]:
    """Each number of a person with several, as people said → the number that the person is counted under; of several the last by id."""
    found = {each: max(together & known, default=each) for each, together in _groups(pairs).items()}
    return {each: person for each, person in found.items() if each not in known and each != person}


def _two(first: str, second: str, rows: list[tuple[str, str]]) -> pa.Table:
    return pa.table({name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate((first, second))})
