"""Small faults put into a query of sql/, one at a time, and whether an example notices.

An example notices when it no longer holds: first those beside the model, then those beside the tables that are made from
it. The tables that a model reads are made once for each example, so that one mutant takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial

import duckdb
import pyarrow as pa
from low_income import warehouse
from low_income.model import MonitorError
from low_income.warehouse import examples
from low_income.warehouse.models import Card, Example, Models
from sqlglot import exp

Change = Callable[[exp.Expr], exp.Expr | None]
"""What is done to a node of a query's tree; gives what takes its place, None to take it away."""

_OTHER: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ, exp.NEQ: exp.EQ, exp.LT: exp.LTE, exp.LTE: exp.LT, exp.GT: exp.GTE, exp.GTE: exp.GT,
    exp.And: exp.Or, exp.Or: exp.And, exp.Min: exp.Max, exp.Max: exp.Min, exp.Add: exp.Sub, exp.Sub: exp.Add,
}  # fmt: skip
"""Each operator that is exchanged for another one, of the same arguments."""

_INVALID = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException)
"""The engine cannot even begin: such a mutant says nothing about the examples."""


class Unsound(MonitorError):
    """An example does not hold for the unchanged query, so nothing can be said about changed ones."""


@dataclass(frozen=True)
class Mutant:
    """A query with one fault."""

    table: str
    what: str
    """Where it is and what was done, for people."""
    sql: str


@dataclass(frozen=True)
class Verdict:
    """What the examples say about a mutant."""

    mutant: Mutant
    noticed_by: str | None
    """`table: name` of the example that no longer holds; None for a survivor."""
    is_seen: bool
    """Whether its rows differ in any example at all. A survivor that is seen differs where no example looks."""


def file_of(models: Models, table: str) -> str:
    """The file of a model, as `sql/life/said.sql`."""
    path = models.models[table].path
    return f"sql/{path.parent.name}/{path.name}"


def mutants(models: Models, table: str) -> list[Mutant]:
    """Every mutant of a model's query, in the order of its text; the same for the same files."""
    query = models.models[table].query
    found: dict[str, Mutant] = {}
    for at, node in enumerate(query.walk()):
        for what, change in _changes(node):
            changed: exp.Expr = query.copy()
            other = next(each for number, each in enumerate(changed.walk()) if number == at)
            put = change(other)
            if put is None:
                other.pop()
            elif other is changed:
                changed = put
            elif put is not other:
                other.replace(put)
            sql = changed.sql(dialect="duckdb")
            found.setdefault(sql, Mutant(table, f"{_place(node)}: {what}: {_text(node)}", sql))
    found.pop(query.sql(dialect="duckdb"), None)
    return list(found.values())


def _changes(node: exp.Expr) -> Iterator[tuple[str, Change]]:
    if other := _OTHER.get(type(node)):
        yield f"{type(node).key} becomes {other.key}", lambda at: other(**at.args)
    if isinstance(node, exp.Connector):
        yield "the left condition alone", lambda at: at.args["this"]
        yield "the right condition alone", lambda at: at.args["expression"]
    elif isinstance(node, exp.SetOperation):
        yield "the upper branch alone", lambda at: _keep_with(at, at.args["this"])
        yield "the lower branch alone", lambda at: _keep_with(at, at.args["expression"])
    elif isinstance(node, exp.Not):
        yield "without not", lambda at: at.args["this"]
    elif isinstance(node, exp.Join) and node.side == "LEFT":
        yield "left join becomes inner join", partial(_set, key="side", value=None)
    elif isinstance(node, (exp.Where, exp.Having)) and not isinstance(node.this, exp.Connector):
        yield "the condition is dropped", lambda at: None
    elif isinstance(node, exp.Literal) and node.is_int and not isinstance(node.parent, (exp.DataTypeParam, exp.Limit)):
        for other_number in (int(node.name) + 1, int(node.name) - 1):
            yield f"{node.name} becomes {other_number}", partial(_put_number, number=other_number)
    else:
        yield from _changes_of_lists(node)


def _changes_of_lists(node: exp.Expr) -> Iterator[tuple[str, Change]]:
    if isinstance(node, exp.Coalesce):
        yield "the last default is dropped", partial(_drop_item, key="expressions", at=-1)
    elif isinstance(node, exp.Case):
        for number in range(len(node.args["ifs"]) if len(node.args["ifs"]) > 1 else 0):
            yield f"when no. {number + 1} is dropped", partial(_drop_item, key="ifs", at=number)
        if node.args.get("default") is not None:
            yield "else is dropped", partial(_set, key="default", value=None)
    elif isinstance(node, exp.In) and len(node.expressions) > 1:
        for number in range(len(node.expressions)):
            yield f"item no. {number + 1} is dropped", partial(_drop_item, key="expressions", at=number)
    elif isinstance(node, exp.Window) and len(node.args.get("partition_by") or ()) > 1:
        for number in range(len(node.args["partition_by"])):
            yield f"partition no. {number + 1} is dropped", partial(_drop_item, key="partition_by", at=number)
    elif isinstance(node, exp.Ordered):
        yield "the order is turned round", lambda at: _set(at, key="desc", value=not at.args.get("desc"))
    elif isinstance(node, exp.Distinct) and isinstance(node.parent, exp.Select):
        yield "distinct is dropped", lambda at: None


def _put_number(node: exp.Expr, *, number: int) -> exp.Expr:
    return exp.Literal.number(number)


def _set(node: exp.Expr, *, key: str, value: object) -> exp.Expr:
    node.set(key, value)
    return node


def _drop_item(node: exp.Expr, *, key: str, at: int) -> exp.Expr:
    items = list(node.args[key])
    if items:
        del items[at]
    node.set(key, items)
    return node


def _keep_with(node: exp.Expr, branch: exp.Expr) -> exp.Expr:
    """One branch of a union, with the CTEs that stand before the whole."""
    if (before := node.args.get("with_")) is not None:
        branch.set("with_", before)
    return branch


def _place(node: exp.Expr) -> str:
    within = node.find_ancestor(exp.CTE)
    column = node if isinstance(node, exp.Alias) else node.find_ancestor(exp.Alias)
    return ".".join([within.alias if within else "result", *([column.alias] if column else [])])


def _text(node: exp.Expr, most: int = 140) -> str:
    within = node.parent if isinstance(node, exp.Literal) and node.parent else node
    text = within.sql(dialect="duckdb")
    return text if len(text) <= most else f"{text[:most]}…"


@dataclass(frozen=True)
class _Made:
    """An example, with the tables that the model reads on its rows, and what the unchanged query gives there."""

    table: str
    example: Example
    given: warehouse.Inputs
    con: duckdb.DuckDBPyConnection
    rows: pa.Table


@contextmanager
def judging(models: Models, table: str) -> Iterator[Callable[[Mutant], Verdict | None]]:
    """What the examples say about a mutant of a model; None where the engine cannot run such a query.

    Raises Unsound when an example does not hold for the unchanged query.
    """
    with ExitStack() as stack:
        yield _Judge(models, table, stack).judge


class _Judge:
    """Keeps, for each example, the tables that a model reads, as long as the stack is open."""

    def __init__(self, models: Models, table: str, stack: ExitStack) -> None:
        self.models, self.table, self._stack = models, table, stack
        self._beside = [self._prepare(table, example) for example in _examples_of(models, table)]

    @cached_property
    def _after(self) -> list[_Made]:
        """The examples of the tables that are made from this one, where these do not give its rows; they cost more."""
        readers = [
            name
            for name, model in sorted(self.models.models.items())
            if self.table in model.reads and not isinstance(model.about, Card)
        ]
        return [
            self._prepare(name, example)
            for name in readers
            for example in _examples_of(self.models, name)
            if self.table not in example.given
        ]

    def _prepare(self, name: str, example: Example) -> _Made:
        given = examples.inputs(example, self.models)
        con = self._stack.enter_context(warehouse.in_memory(limits=examples.LIMITS))
        for macro in warehouse.MACROS:
            con.execute(macro)
        model = self.models.models[self.table]
        reads = {read: f"select * from {read}" for read in model.reads}
        for read, rows in warehouse.ask_for(given, self.models, reads, limits=examples.LIMITS).items():
            con.execute(f"create schema if not exists {read.partition('.')[0]}")
            con.register("given", rows)
            con.execute(f"create table {read} as from given")
            con.unregister("given")
        made = _Made(name, example, given, con, self._run(con, model.sql))
        if not self._run(con, model.query.sql(dialect="duckdb")).equals(made.rows):
            raise Unsound(f"{self.table}: the query is written otherwise than it is read")
        if name == self.table and (problems := self._problems(made, made.rows)):
            raise Unsound(f"{name}: {example.name}: {problems[0]}")
        return made

    def _run(self, con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
        rows: pa.Table = con.sql(f"select * from ({sql}) order by all").to_arrow_table()
        return rows

    def _problems(self, made: _Made, rows: pa.Table) -> list[str]:
        if made.table != self.table:
            changed = replace(made.given, made={**made.given.made, self.table: rows})
            rows = warehouse.ask(changed, self.models, made.table, limits=examples.LIMITS)
        return examples.compare(self.models.models[made.table].about, made.example, rows.to_pylist())

    def judge(self, mutant: Mutant) -> Verdict | None:
        is_seen = False
        for these in ("_beside", "_after"):
            for made in getattr(self, these):
                try:
                    rows = self._run(made.con, mutant.sql)
                except _INVALID:
                    return None
                except duckdb.Error:
                    return Verdict(mutant, f"{made.table}: {made.example.name}", is_seen=True)
                if not rows.equals(made.rows):
                    is_seen = True
                    if self._problems(made, rows):
                        if made.table != self.table and (problems := self._problems(made, made.rows)):
                            raise Unsound(f"{made.table}: {made.example.name}: {problems[0]}")
                        return Verdict(mutant, f"{made.table}: {made.example.name}", is_seen=True)
        return Verdict(mutant, None, is_seen)


def _examples_of(models: Models, name: str) -> list[Example]:
    return list(getattr(models.models[name].about, "examples", []))
