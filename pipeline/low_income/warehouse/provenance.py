"""Finds what each column of a query is made from, through CTEs, subqueries and the models that the query reads.

It follows plain SQL as docs/design.md asks for it. What cannot be followed (a whole row used as a value, columns by
pattern or position, `*` over a table) raises Unfollowed: a model that must carry no fact is then not built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

WHICH_LIST = "which_list"
"""A source of each column that tells on which of several partners' lists a row stands."""


class Unfollowed(Exception):
    """A construct through which columns cannot be followed. `str()` names it."""


@dataclass(frozen=True)
class Made:
    """What a query gives. A source is `room.table.column`, lower case."""

    columns: Mapping[str, frozenset[str]]
    """Output column → its sources."""
    rows: frozenset[str] = frozenset()
    """Sources that decide which rows there are."""
    partners: frozenset[str] = frozenset()
    """Partners' lists whose rows make its rows."""


@dataclass(frozen=True)
class Given:
    """How the tables are made that a query names."""

    table: Callable[[str], Made]
    """`room.table` → what it gives."""
    complete: frozenset[str]
    """All partners' lists. To be on some and not on others is a fact; to be on any of them is not."""
    place_of_row: Callable[[str], bool]
    """Whether a source only says where a row stands; such a source may order the rows of a window."""


def follow(query: exp.Query, given: Given) -> Made:
    """What a model's query gives. Raises Unfollowed."""
    return _whole(_follow(query, {}, (), given), given)


@dataclass
class _Scope:
    """The tables that one select reads, and the names that it gives its own columns."""

    sources: dict[str, Made]
    named: dict[str, frozenset[str]] = field(default_factory=dict)


def _whole(made: Made, given: Given) -> Made:
    if made.partners and made.partners != given.complete:
        raise Unfollowed(f"只读了外部名单中的一部分（{'、'.join(sorted(made.partners))}）：在不在上面就是一项事实")
    return made


def _follow(query: exp.Expr, known: Mapping[str, Made], outer: tuple[_Scope, ...], given: Given) -> Made:
    known = dict(known)
    if with_ := query.args.get("with_"):
        if with_.args.get("recursive"):
            raise Unfollowed("with recursive")
        for cte in with_.expressions:
            if cte.args["alias"].args.get("columns"):
                raise Unfollowed(f"{cte.alias}(…) 另起了列名")
            known[cte.alias.lower()] = _whole(_follow(cte.this, known, outer, given), given)
    if isinstance(query, exp.Subquery):
        return _follow(query.this, known, outer, given)
    if isinstance(query, exp.SetOperation):
        return _union(query, known, outer, given)
    if not isinstance(query, exp.Select):
        raise Unfollowed(query.key)
    return _select(query, known, outer, given)


def _union(query: exp.SetOperation, known: Mapping[str, Made], outer: tuple[_Scope, ...], given: Given) -> Made:
    if not isinstance(query, exp.Union) or query.args.get("by_name"):
        raise Unfollowed(query.key)
    branches = [*_branches(query.left), *_branches(query.right)]  # the `with` of the whole is followed already
    parts = [_follow(branch, known, outer, given) for branch in branches]
    names = list(parts[0].columns)
    if any(len(part.columns) != len(names) for part in parts):
        raise Unfollowed("union 各段的列数不同")
    columns = {}
    for at, name in enumerate(names):
        sources = frozenset[str]().union(*(list(part.columns.values())[at] for part in parts))
        told = {
            _constant(branch, at) for branch, part in zip(branches, parts, strict=True) if part.partners
        }  # the constant that the rows of a partner's list have here
        columns[name] = sources | ({WHICH_LIST} if len(told) > 1 else frozenset())
    return Made(
        columns,
        frozenset[str]().union(*(part.rows for part in parts)),
        frozenset[str]().union(*(part.partners for part in parts)),
    )


def _branches(query: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(query, exp.Union) and not query.args.get("with_"):
        yield from _branches(query.left)
        yield from _branches(query.right)
    else:
        yield query


def _constant(branch: exp.Expr, at: int) -> str | None:
    """The constant that a select gives in one column of all its rows; None when it is no constant."""
    selected = branch.selects[at].unalias() if isinstance(branch, exp.Select) else None
    return selected.sql() if selected is not None and not list(selected.find_all(exp.Column)) else None


def _select(query: exp.Select, known: Mapping[str, Made], outer: tuple[_Scope, ...], given: Given) -> Made:
    own = _Scope({})
    scopes = (own, *outer)
    joins = query.args.get("joins") or []
    for clause in [query.args.get("from_"), *joins]:
        if clause is not None:
            if clause.args.get("using") or clause.args.get("method"):
                raise Unfollowed("using、natural 等写法的连接")
            name, made = _source(clause.this, known, outer, given)
            if name in own.sources:
                raise Unfollowed(f"{name} 读了两次而没有区别")
            own.sources[name] = made
    columns: dict[str, frozenset[str]] = {}
    for item in query.selects:
        if item.is_star:
            columns |= _star(item, own)
        else:
            columns[item.alias_or_name.lower()] = _sources_of(item, known, scopes, given)
        own.named |= columns
    rows = frozenset[str]().union(*(made.rows for made in own.sources.values()))
    deciding = [
        query.args.get(name) for name in ("where", "group", "having", "qualify", "distinct", "windows", "limit")
    ]
    deciding += [join.args.get("on") for join in joins]
    deciding += [query.args.get("order")] if query.args.get("limit") else []
    for clause in deciding:
        for each in clause if isinstance(clause, list) else [clause]:
            if each is not None:
                rows |= _sources_of(each, known, scopes, given)
    partners = frozenset[str]().union(*(made.partners for made in own.sources.values()))
    return Made(columns, rows, partners)


def _source(
    item: exp.Expr, known: Mapping[str, Made], outer: tuple[_Scope, ...], given: Given
) -> tuple[str, Made]:  # fmt: skip
    alias = item.args.get("alias")
    if item.args.get("pivots") or item.args.get("sample") or (alias is not None and alias.args.get("columns")):
        raise Unfollowed(item.sql())
    if isinstance(item, exp.Subquery):
        return item.alias.lower(), _whole(_follow(item.this, known, outer, given), given)
    if not isinstance(item, exp.Table) or not isinstance(item.this, exp.Identifier):
        raise Unfollowed(item.sql())
    name = item.name.lower()
    made = given.table(f"{item.db.lower()}.{name}") if item.db else known.get(name)
    if made is None:
        raise Unfollowed(item.sql())
    return item.alias_or_name.lower(), made


def _star(item: exp.Expr, own: _Scope) -> dict[str, frozenset[str]]:
    """The columns that `*` stands for, of one CTE or subquery with columns that are written out."""
    if not isinstance(item, exp.Star) or len(own.sources) != 1 or item.args.get("replace") or item.args.get("rename"):
        raise Unfollowed(item.sql())
    (made,) = own.sources.values()
    if isinstance(made.columns, Anything):
        raise Unfollowed(item.sql())
    dropped = {column.name.lower() for column in item.args.get("except_") or item.args.get("except") or []}
    return {name: sources for name, sources in made.columns.items() if name not in dropped}


def _sources_of(
    expression: exp.Expr, known: Mapping[str, Made], scopes: tuple[_Scope, ...], given: Given
) -> frozenset[str]:  # fmt: skip
    """The sources of all columns in an expression, including its subqueries and what decides their rows."""
    if isinstance(expression, exp.Query):
        made = _whole(_follow(expression, known, scopes, given), given)
        return frozenset[str]().union(made.rows, *made.columns.values())
    if isinstance(expression, exp.Column):
        return _resolved(expression, scopes)
    if isinstance(expression, (exp.Columns, exp.PositionalColumn, exp.Lambda)):
        raise Unfollowed(expression.sql())
    if isinstance(expression, exp.Star) and not isinstance(expression.parent, exp.Count):
        raise Unfollowed("*")
    found = frozenset[str]()
    for part in expression.iter_expressions():
        sources = _sources_of(part, known, scopes, given)
        if isinstance(expression, exp.Window) and isinstance(part, exp.Order):
            sources = frozenset(each for each in sources if not given.place_of_row(each))
        found |= sources
    return found


def _resolved(column: exp.Column, scopes: tuple[_Scope, ...]) -> frozenset[str]:
    name, table = column.name.lower(), column.table.lower()
    if column.args.get("db") or isinstance(column.this, exp.Star):
        raise Unfollowed(column.sql())
    for scope in scopes:
        if table:
            if table in scope.sources:
                if name not in scope.sources[table].columns:
                    raise Unfollowed(column.sql())
                return scope.sources[table].columns[name]
        elif holders := [made for made in scope.sources.values() if name in made.columns]:
            if len(holders) > 1 or (len(scope.sources) > 1 and any(isinstance(m.columns, Anything) for m in holders)):
                raise Unfollowed(f"{column.sql()} 没有写明是哪张表的")
            return holders[0].columns[name]
        elif name in scope.named:
            return scope.named[name]
    raise Unfollowed(column.sql())


class Anything(Mapping[str, frozenset[str]]):
    """The columns of a table whose columns are not listed: each column that is asked for is its own source."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __getitem__(self, name: str) -> frozenset[str]:
        return frozenset({f"{self._table}.{name}"})

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        raise Unfollowed(f"{self._table}.*")

    def __len__(self) -> int:
        raise Unfollowed(f"{self._table}.*")
