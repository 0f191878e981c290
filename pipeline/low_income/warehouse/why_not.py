"""Finds why a rule does not list a person: it asks each condition of the rule's own SQL about this one person.

The conditions are taken from the query, so nothing is written twice. Inner joins become left joins and filters become
columns, so that all failing conditions are seen, not only the first. When a step has no row of the person, the search goes on
in the tables that the step is made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb
from sqlglot import exp

from low_income.model import quote
from low_income.warehouse.models import About, Card, Models


@dataclass(frozen=True)
class Failing:
    """One reason: a table without a row of the person (`absent`), or a condition that does not hold for the row nearest to it."""

    sort: Literal["absent", "condition"]
    table: str
    """The table asked; '' for a condition."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """For a condition: the table names before its columns → the tables of sql/ that they come from."""
    condition: exp.Expr | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    """SQL text of a part of the condition (a column, or a side of a comparison) → its value for the person; and the row's facts."""


@dataclass(frozen=True)
class Subject:
    """The person who is asked about."""

    person_id: str
    household_id: str
    head_person_id: str


def trace(con: duckdb.DuckDBPyConnection, models: Models, rule: str, who: Subject) -> list[Failing]:
    """What does not hold for the person; [] when the rule's query lists him. `con` holds all tables that the rule reads."""
    card = models.models[rule].about
    query = models.models[rule].query
    assert isinstance(card, Card)
    assert isinstance(query, exp.Select)
    return _follow(con, models, query, who, card.subject == "head")


_GIVEN = ("registry.division_policy", "registry.horizon", "registry.roster")
"""Tables that are about no person."""


def _follow(
    con: duckdb.DuckDBPyConnection, models: Models, query: exp.Query, who: Subject, of_household: bool
) -> list[Failing]:
    with_ = query.args.get("with_")
    ctes = {cte.alias: cte.this for cte in with_.expressions} if with_ else {}
    return list(_Tracer(con, models, ctes, who, of_household).follow(query, set()))


class _Tracer:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        models: Models,
        ctes: dict[str, exp.Query],
        who: Subject,
        of_household: bool,
    ) -> None:
        self.con, self.models, self.ctes, self.who, self.of_household = con, models, ctes, who, of_household

    def follow(self, query: exp.Expr, seen: set[str]) -> Iterator[Failing]:
        """Reasons why a query gives no row of the person."""
        if isinstance(query, exp.SetOperation):
            found = [list(self.follow(side, seen)) for side in (query.left, query.right)]
            if all(found):
                yield from (each for side in found for each in side)
            return
        if not isinstance(query, exp.Select):
            return
        base = query.args["from_"].this
        mine = self._mine(base)
        if mine is None:
            return
        if not self._count(base, mine):
            yield from self._absent(base, seen)
            return
        conditions = self._conditions(query)
        row = self._nearest_row(query, base, mine, conditions)
        missing = {alias for alias, there in row["there"].items() if not there}
        for alias in sorted(missing):
            yield from self._absent(self._joined(query)[alias], seen)
        for at, condition in enumerate(conditions):
            tables = [column.table for column in condition.find_all(exp.Column)]
            if not row["holds"][at] and not missing & set(tables):
                values = row["values"][at] | row["facts"]
                yield Failing("condition", "", self._sources(query, tables), condition, values)

    def _absent(self, table: exp.Expr, seen: set[str]) -> Iterator[Failing]:
        name = _full_name(table)
        is_inner = name in self.ctes and name not in seen
        deeper = list(self.follow(self.ctes[name], seen | {name})) if is_inner else self._into(name)
        yield from deeper or [Failing("absent", name)]

    def _into(self, name: str) -> list[Failing]:
        """Reasons why a table of sql/registry has no row of the person; none for tables that say who is who."""
        model = self.models.models.get(name)
        if model is None or not isinstance(model.about, About) or model.about.carries or name in _GIVEN:
            return []
        found = _follow(self.con, self.models, model.query, self.who, self.of_household)
        return [each for each in found if each.sort == "condition" or "." in each.table]

    def _mine(self, base: exp.Expr) -> str | None:
        """Condition that picks the person's rows of a table; None when no column says about whom a row is."""
        columns = self._columns(base)
        alias = base.alias_or_name
        who = self.who
        members = f"(select person_id from registry.household_member where household_id = {quote(who.household_id)})"
        by_household = [
            ("household_id", f"= {quote(who.household_id)}"),
            ("head_person_id", f"= {quote(who.head_person_id)}"),
        ]
        by_person = [("person_id", f"in {members}" if self.of_household else f"= {quote(who.person_id)}")]
        for column, test in (
            [*by_household[:1], *by_person, *by_household] if self.of_household else [*by_person, *by_household]
        ):
            if column in columns:
                return f"{alias}.{column} {test}"
        return None

    def _columns(self, table: exp.Expr) -> set[str]:
        return {
            name for name, *_ in self.con.sql(f"describe {self._with()} select * from {table.sql('duckdb')}").fetchall()
        }

    def _with(self) -> str:
        parts = ", ".join(f"{name} as ({query.sql('duckdb')})" for name, query in self.ctes.items())
        return f"with {parts}" if parts else ""

    def _count(self, base: exp.Expr, mine: str) -> int:
        return int(
            self.con.sql(f"{self._with()} select count(*) from {base.sql('duckdb')} where {mine}").fetchall()[0][0]
        )

    def _joined(self, query: exp.Select) -> dict[str, exp.Expr]:
        """Alias → table of inner joins that must find a row."""
        return {
            join.this.alias_or_name: join.this
            for join in query.args.get("joins") or []
            if join.side != "LEFT" and join.args.get("on") is not None
        }

    def _conditions(self, query: exp.Select) -> list[exp.Expr]:
        """Filters: the parts of `where`, and what an inner join asks of its row beside finding it."""
        found = []
        for join in query.args.get("joins") or []:
            if join.this.alias_or_name in self._joined(query):
                found += [part for part in _parts(join.args["on"]) if not self._finds(join.this, part)]
        if where := query.args.get("where"):
            found += list(_parts(where.this))
        return found

    def _finds(self, table: exp.Expr, part: exp.Expr) -> bool:
        """Whether a part of an `on` says which row is meant: it ties two tables, or names the table's key; for CTEs every part does."""
        tables = {column.table for column in part.find_all(exp.Column)}
        model = self.models.models.get(_full_name(table))
        if len(tables) > 1 or model is None or not isinstance(model.about, About):
            return True
        return all(column.name in model.about.key for column in part.find_all(exp.Column))

    def _nearest_row(self, query: exp.Select, base: exp.Expr, mine: str, conditions: list[exp.Expr]) -> dict[str, Any]:
        """The person's row for which most conditions hold."""
        inner = self._joined(query)
        asked: list[str] = []
        names: list[tuple[str, Any]] = []
        for alias in inner:
            asked.append(f"{alias}.is_there is not null")
            names.append(("there", alias))
        for at, condition in enumerate(conditions):
            asked.append(f"coalesce({condition.sql('duckdb')}, false)")
            names.append(("holds", at))
            for part in _told(condition):
                asked.append(part.sql("duckdb"))
                names.append(("values", (at, part.sql("duckdb"))))
        joins = " ".join(self._as_left(join, inner) for join in query.args.get("joins") or [])
        for column in sorted(self._columns(base)):
            asked.append(f"{base.alias_or_name}.{column}")
            names.append(("facts", column))
        rows = self.con.sql(
            f"{self._with()} select {', '.join(asked)} from {base.sql('duckdb')} {joins} where {mine}"
        ).fetchall()
        best: dict[str, Any] = {}
        for values in rows:
            row: dict[str, Any] = {
                "there": {},
                "holds": {},
                "values": {at: {} for at in range(len(conditions))},
                "facts": {},
            }
            for (sort, key), value in zip(names, values, strict=True):
                if sort == "values":
                    row["values"][key[0]][key[1]] = value
                else:
                    row[sort][key] = value
            row["good"] = sum(row["there"].values()) + sum(row["holds"].values())
            if not best or row["good"] > best["good"]:
                best = row
        return best

    def _as_left(self, join: exp.Join, inner: Mapping[str, exp.Expr]) -> str:
        if join.this.alias_or_name not in inner:
            return join.sql("duckdb")
        kept = [part.sql("duckdb") for part in _parts(join.args["on"]) if self._finds(join.this, part)]
        table = f"(select *, true as is_there from {_full_name(join.this)})"
        return f"left join {table} as {join.this.alias_or_name} on {' and '.join(kept)}"

    def _sources(self, query: exp.Select, aliases: list[str]) -> dict[str, str]:
        tables = {table.alias_or_name: _full_name(table) for table in query.find_all(exp.Table)}
        return {alias: self._source(tables[alias]) for alias in aliases if alias in tables}

    def _source(self, name: str) -> str:
        """The table of sql/ with which a CTE begins; a table of sql/ itself is given unchanged."""
        while name in self.ctes and isinstance(self.ctes[name], exp.Select):
            name = _full_name(self.ctes[name].args["from_"].this)
        return name


def _parts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The parts that `and` joins."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _parts(condition.left)
        yield from _parts(condition.right)
    else:
        yield condition


def _told(condition: exp.Expr) -> list[exp.Expr]:
    """The parts of a condition worth showing: its columns, and the computed sides of its comparisons."""
    found: dict[str, exp.Expr] = {column.sql("duckdb"): column for column in condition.find_all(exp.Column)}
    for compared in condition.find_all(exp.Predicate):
        for side in (compared.args.get("this"), compared.args.get("expression")):
            if isinstance(side, exp.Expr) and not isinstance(
                side, (exp.Column, exp.Predicate, exp.Literal, exp.Subquery)
            ):
                found[side.sql("duckdb")] = side
    return list(found.values())


def _full_name(table: exp.Expr) -> str:
    return f"{table.db}.{table.name}" if isinstance(table, exp.Table) and table.db else str(table.name)
