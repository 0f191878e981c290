"""Reads sql/ as Models: what each table is, in which order tables are built, and what a rule may read.

`sql/<room>/<name>.sql` is table `<room>.<name>` (room `published` is `main`), with `<name>.yml` beside it. A few have
the yml alone: their query is written from the contracts (contract_models.py).
The order follows from the SQL. A rule that reaches a record kind outside its purpose stops the build
before anything is built (docs/boundaries.md, 2).
"""

from __future__ import annotations

import csv
import graphlib
import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

import pyarrow as pa
import sqlglot
from pydantic import model_validator
from sqlglot import exp

from low_income.model import ROOT, ModelError, Purpose
from low_income.settings.contracts import Kind
from low_income.settings.strict_yaml import Misplaced, Strict, line_of, read_shape, read_yaml, written
from low_income.warehouse import contract_models, engines, provenance

SQL = ROOT / "sql"
EVERY = "warnings.every"
"""The union of all rules; made by the builder (evidence.py), since in SQL it would need a list of all rules."""

SOURCE = "warnings.source"
"""Rule and subject → the submissions on which a candidate stands; made together with `warnings.every`."""

UNREADABLE = "warnings.unreadable"
"""Rule, subject and what cannot be read, where only an unreadable cell keeps a rule from holding; made together with `warnings.every`."""

EPISODE = "warnings.episode"
"""The ids of warnings that begin tonight; made by the builder, since they are keyed hashes."""

SUGGESTION = "registry.suggestion"
"""Pairs that people are asked about; made by the builder (suggestion.py), since a library measures likeness."""

ANSWER = "life.answer"
"""What people wrote about who is who, judged; it reads only given tables and is made before rows are loaded."""

CONTRADICTION = "life.contradiction"
"""Answers that cannot all be true; made by the builder (decided.py), since a chain of answers may have any length."""

NAMED_IN = "life.named_in"
"""The units whose rows name the people whom an answer is about; made by the builder (decided.py), from rows that are not loaded yet."""

WHAT_IF = "warnings.what_if"
"""What a decision about who is who would change; made by the builder (what_if.py), which runs the rules again."""

FRESHNESS = "warnings.freshness"
"""How fresh tonight's lists are for the warnings that are carried over; made by the builder (evidence.py)."""

WITHDRAWAL = "warnings.withdrawal"
"""Which change of tonight by itself withdraws each warning that is gone; made by the builder (withdrawal.py), which runs the rules again."""

TURNED = "warnings.turned"
"""Which submissions taken tonight changed the rows about the people of such a warning; made together with `warnings.withdrawal`."""

_MADE = {
    SOURCE: (EVERY,),
    UNREADABLE: (EVERY,),
    EPISODE: (EVERY, "life.before"),
    FRESHNESS: (
        "life.before", "life.unanswered", "registry.household_fact", "registry.household_member", "registry.own_roster", "input.unit",
    ),
    SUGGESTION: ("registry.suggestion_pair",),
    CONTRADICTION: ("life.heard", "input.answer", "input.unit"),
    NAMED_IN: ("life.said", "input.night", "input.place", "input.set_aside"),
    WITHDRAWAL: (
        "life.withdrawn", "registry.horizon", "registry.household_member", "input.identity_decision", "input.policy", "input.previous_answer",
        "input.previous_person", "input.previous_release", "input.previous_submission", "input.previous_warning", "input.release",
        "input.rules", "input.submission",
    ),
    TURNED: (WITHDRAWAL,),
    WHAT_IF: (
        EVERY, SUGGESTION, "input.identity_decision", "input.previous_person", "input.previous_warning", "registry.composition_conflict",
        "registry.household_group", "registry.household_member", "registry.name_question",
    ),
}  # fmt: skip
"""What the other tables of the builder are made from."""

Level = Literal["red", "orange", "yellow", "blue"]
Registry = Literal["dibao", "tekun", "edge"]

RULE_COLUMNS = ("person_id", "household_id", "division_code", "level", "measured")
"""Columns that every rule's query gives, beside the values of its reason and the row_ids of its evidence."""

SAID_UNREADABLE = "unreadable"
"""One more column of rules that read optional cells. NULL: the rule holds. Otherwise only an unreadable cell keeps it from holding,
and the column says which cell and what stands there: such a row lists nobody, and keeps an open warning."""

EVERY_READS = (
    "input.column", "input.policy", "input.rule_policy", "input.submission", "input.unit", "registry.household_fact",
    "registry.household_member", "registry.own_roster",
)  # fmt: skip
"""Tables that warnings.every reads beside the rules and the rows of their evidence."""

IDENTITY_COLUMNS = frozenset(
    {
        "person_id", "household_id", "head_person_id", "kept_head_id", "other_head_id", "id_number", "id_sex",
        "id_birth_date", "name", "kept_name", "other_name", "sex", "birth_date", "identity_state", "state", "relation",
        "standing", "household_no", "kind", "registry", "unit_code", "division_code", "policy_region", "township",
        "area_type", "period", "row_id", "submission_id", "sheet", "row_number", "received_seq", "source_rank",
        "group_rank", "is_head", "is_disputed", "is_member", "is_in_use",
    }
)  # fmt: skip
"""All columns that a model with `carries: identity` may have: who a person is, in whose household and division, on which row.

No amount, diagnosis, level, date of an event or outcome: such a column would carry a fact past the check of purposes.
Nor may a column of this list be made from such a column, under any name, nor may such a column decide which rows there are.
"""

_WHO = frozenset({"row_id", "person_id", "head_person_id", "identity_state", "id_sex", "id_birth_date"})
"""Columns of accepted rows, beside the fields of `Kind.person` and places, that say who a person is."""

_PLACE_OF_ROW = frozenset({"unit_code", "submission_id", "period", "sheet", "row_number", "received_seq", "file_name"})
"""Columns of accepted rows that say where a row stands: for a partner's row they tell which list it is on."""

_SINCE = frozenset({"start_month", "accepted_on"})
"""Columns of our own lists that decide where a person lives: the later list counts."""

_ALL_ALIKE = {"registry.person_row": ("list", "source_rank", "is_in_use", "own_unit_code")}
"""Columns of models that are made from where a row stands, and say the same for the rows of all partners."""

_INPUT_WHO = frozenset(
    {
        "identity", "unit", "township", "place", "placed", "identity_decision", "previous_person", "gap", "night", "policy",
        "set_aside_name",
    }
)  # fmt: skip
"""Given tables that say of people only who they are and where, and which lists came."""


WARNING_COLUMNS = frozenset(
    {
        "warning_id", "purpose", "subject", "person_id", "household_id", "division_code", "township", "status",
        "first_seen_on", "last_seen_on", "due_on", "is_overdue", "decided_on",
    }
)  # fmt: skip
"""All columns that a model with `carries: warnings` may have: that a person was asked about, for which purpose, where, when, and the status.

Not the rule: to be listed by A05 means to hold a new certificate. Nor reason, evidence or measure.
"""

_WARNING_NAMES = WARNING_COLUMNS | {"rule_code", "subject_id", "withdrawn_on"}
"""Columns of the published warnings that its query may name."""


class Example(Strict):
    """Given rows, and the result that the model must give for them on that night."""

    name: str
    night: date
    given: dict[str, list[dict[str, Any]]] = {}
    """Kind, or `input.<table>`, or a table that a build makes (its rows are then given, not made) → sparse rows."""
    only: dict[str, Any] = {}
    """Look only at rows of the result that have these values."""
    expect: list[str | dict[str, Any]]
    """One entry per row of the result: the subject's person_id, or some of the row's columns."""


class About(Strict):
    """The yml beside a model of sql/registry."""

    grain: str
    key: list[str]
    must_hold: dict[str, str] = {}
    """Name of a condition → query that gives the rows that break it."""
    carries: Literal["identity", "warnings"] | None = None
    """`identity`: it says only who is who. `warnings`: only that people were asked about. Reading it passes no purpose on."""
    examples: list[Example] = []


class Published(About):
    """The yml beside a model of sql/published; it describes in Chinese all that readers see."""

    carries: None = None
    purpose: Purpose | None = None
    """The table's purpose, like a rule's: it may then reach no kind outside it. None: it tells what the lists and the rules said."""
    comment: str
    columns: dict[str, str]
    references: dict[str, Annotated[str, written(r"\w+\.\w+", "应是 表名.列名")]] = {}
    """Column → `table.column` of another published table that must have each of its values; examined at each build, and by `verify`."""
    order_by: list[str] = []
    """The order of the rows in the file, when it is not the key; the key breaks ties."""
    by_division: str | None = None
    """Condition that picks a division's rows, with `$division`; None: the table is not in the files of divisions."""
    shown_to_division: dict[str, str] = {}
    """Column → condition, with `$division`, under which a division's file shows the value; else NULL. For values that concern two divisions."""
    within_division: dict[str, str] = {}
    """Column → SQL for its value in a division's file, from the division's own rows: a count over all would tell of other divisions."""


class Evidence(Strict):
    """One fact on which a warning rests: a field of one row of the query, or of many rows of a model."""

    fact: str
    kind: str
    field: str
    row: str | None = None
    """A row_id column of the rule's query."""
    rows: str | None = None
    """A model that holds `row_id` and the columns in `by`."""
    by: str | list[str] = []

    @model_validator(mode="after")
    def _one_of_two(self) -> Evidence:
        if (self.row is None) == (self.rows is None) or bool(self.rows) != bool(self.by):
            raise ValueError("写 row，或写 rows 和 by，两种里用一种")
        return self

    @property
    def by_columns(self) -> list[str]:
        """Columns that the query and the model in `rows` share."""
        return [self.by] if isinstance(self.by, str) else self.by


class Card(Strict):
    """The yml beside a rule: what it asks, about whom, on what evidence, and how it can be wrong."""

    code: str
    title: str
    purpose: Purpose
    subject: Literal["head", "person"]
    level: Level | list[Level]
    condition: str
    why: str
    citation: str
    exclusions: list[str] = []
    assumptions: list[str] = []
    caveat: str
    reads_policy: list[str] = []
    not_in: list[Registry] = []
    not_in_of: Literal["household", "person"] | None = None
    yields_to: list[str] = []
    """Stronger codes: when one of them stands for the same person, this one does not."""
    of_the_dead: bool = False
    """True: a person with a death date may be the subject. In all other rules such a person never is."""
    reason: str
    evidence: list[Evidence]
    must_hold: dict[str, str] = {}
    examples: list[Example]

    @model_validator(mode="after")
    def _complete(self) -> Card:
        fired = [bool(example.expect) for example in self.examples]
        if not (any(fired) and not all(fired)):
            raise Misplaced("要两种都有：至少一个列出，一个不列出", "examples")
        try:
            _ = self.reason_columns
        except ValueError:
            raise Misplaced("花括号没有对上：列名写在一对花括号里", "reason") from None
        if self.not_in_of and not self.not_in:
            raise Misplaced("写了 not_in_of，却没有 not_in", "not_in_of")
        return self

    @property
    def levels(self) -> list[Level]:
        """The levels that the rule may give."""
        return self.level if isinstance(self.level, list) else [self.level]

    @property
    def asks_of(self) -> Literal["household", "person"]:
        """Whom the registries of `not_in` must not have: any usable member of the household, or only the subject."""
        return self.not_in_of or ("household" if self.subject == "head" else "person")

    @property
    def reason_columns(self) -> list[str]:
        """Columns of the query that the reason names."""
        return [name for _, name, _, _ in Formatter().parse(self.reason) if name is not None]

    def rosters(self, kinds: dict[str, Kind]) -> list[str]:
        """Registries that must be current for this rule to be asked (docs/rules.md, registries).

        Those of `not_in`; and for reviews and supplements, the monthly rosters that the evidence stands on.
        """
        named: set[str] = set(self.not_in)
        if self.purpose in ("entitlement_review", "supplement"):
            named |= self._shown(kinds)
        return sorted(named)

    def consulted(self, kinds: dict[str, Kind]) -> list[str]:
        """Registries of the own division that are asked about everybody whom this rule lists, on a roster or on none.

        Those of `not_in`; for assistance also the monthly rosters that the evidence may stand on. A review or a supplement
        stands only on the rosters of its evidence.
        """
        named: set[str] = set(self.not_in)
        if self.purpose == "assistance":
            named |= self._shown(kinds)
        return sorted(named)

    def _shown(self, kinds: dict[str, Kind]) -> set[str]:
        return {kinds[item.kind].dataset_group for item in self.evidence if kinds[item.kind].period == "month"}


@dataclass(frozen=True)
class Model:
    """One table: its query and what is written beside it."""

    name: str
    path: Path
    """The file of the query; of one that is written from the contracts, the note."""
    sql: str
    about: About | Card
    query: exp.Query = field(compare=False, repr=False)

    @property
    def reads(self) -> tuple[str, ...]:
        """Tables read, sorted, as `room.name`. Raises ModelError for a name without room or a table function."""
        return _reads(engines.place(self.path), self.sql)

    @property
    def named_columns(self) -> frozenset[str]:
        """Columns that the query names anywhere; `<field>__text` and `<field>__unreadable` count as `<field>`."""
        return _named_columns(engines.place(self.path), self.sql)

    @property
    def taken_whole(self) -> frozenset[str]:
        """Tables of rooms from which a select of the query takes all columns with `*`."""
        return _taken_whole(engines.place(self.path), self.sql)

    def output_columns(self) -> list[str]:
        """Column names of the result. Raises ModelError when a `*` hides them."""
        return _columns(self.query, {}, self.path)


@dataclass(frozen=True)
class Models:
    """All that sql/ says."""

    models: dict[str, Model]
    kinds: dict[str, Kind]
    lists: dict[str, pa.Table] = field(default_factory=dict)
    """Table `input.<name>` → `sql/published/<name>.csv`: small mappings that people edit; all text, empty is NULL."""
    _validated: set[str] = field(default_factory=set, init=False, compare=False, repr=False)
    """Tables that are known to be allowed: nothing here ever changes, so each table is examined once."""

    @property
    def version(self) -> str:
        """Digest of all queries and what is written beside them."""
        digest = hashlib.sha256()
        for name, model in sorted(self.models.items()):
            digest.update(f"{name}\0{model.sql}\0{model.about.model_dump_json()}\0".encode())
        for name, rows in sorted(self.lists.items()):
            digest.update(f"{name}\0{rows.to_pydict()}\0".encode())
        return digest.hexdigest()[:16]

    @property
    def published(self) -> dict[str, Published]:
        """Published table (`main.warning`) → what is written beside it."""
        found = [(name, model.about) for name, model in sorted(self.models.items())]
        return {name: about for name, about in found if isinstance(about, Published)}

    def everything(self) -> list[str]:
        """The tables that a whole build is asked for, sorted."""
        return sorted([*self.models, *([EVERY] if self.cards else [])])

    @property
    def cards(self) -> dict[str, Card]:
        """Rule table (`warnings.a01`) → card, by code."""
        found = [(name, model.about) for name, model in self.models.items() if isinstance(model.about, Card)]
        return dict(sorted(found, key=lambda pair: pair[1].code))

    def reads(self, name: str) -> tuple[str, ...]:
        """Tables that a table is made from; () for accepted.* and input.*. Raises ModelError for an unknown table."""
        room, _, table = name.partition(".")
        if room == "input" or (room == "accepted" and table in self.kinds):
            return ()
        if name == EVERY:
            found = {*self.cards, *EVERY_READS}
            for card in self.cards.values():
                found |= self._evidence_reads(card)
            return tuple(sorted(found))
        if name in _MADE:
            return _MADE[name]
        if name not in self.models:
            raise ModelError(f"没有 {name} 这张表")
        return self.models[name].reads

    def order(self, wanted: Iterable[str], instead: Collection[str] = ()) -> list[str]:
        """The wanted tables and all tables that they are made from, each after those it reads; the same for the same files.

        The sources of a table in `instead` are left out, since its rows are given. Raises ModelError for a table that
        nothing makes, naming the table that reads it, and for a circle, naming its tables.
        """
        graph: dict[str, tuple[str, ...]] = {}
        waiting = [(name, "") for name in sorted(wanted, reverse=True)]
        while waiting:
            name, reader = waiting.pop()
            if name not in graph:
                try:
                    graph[name] = () if name in instead else self.reads(name)
                except ModelError as problem:
                    raise ModelError(f"{self._file_of(reader)}：{problem}" if reader else str(problem)) from problem
                waiting += [(read, name) for read in graph[name]]
        try:
            return list(graphlib.TopologicalSorter({name: graph[name] for name in sorted(graph)}).static_order())
        except graphlib.CycleError as problem:
            raise ModelError(f"模型互相引用，无法排序：{' → '.join(problem.args[1])}") from problem

    def _file_of(self, name: str) -> str:
        model = self.models.get(name)
        return engines.place(model.path) if model else name

    def validate(self, wanted: Iterable[str]) -> None:
        """Refuse what may not be built, before anything is built: wrong purposes, leaking identity models, unknown columns.

        Raises ModelError naming the model and the path by which it reaches what it may not read.
        """
        given = self._given()
        for name in self.order(wanted):
            if name in self._validated:
                continue
            model = self.models.get(name)
            if model:
                _refuse_hidden(engines.place(model.path), model.sql)
            if model and isinstance(model.about, Card):
                self._validate_card(name, model, model.about)
            elif model and isinstance(model.about, About) and model.about.carries == "identity":
                self._validate_identity(model, given)
            elif model and isinstance(model.about, About) and model.about.carries == "warnings":
                _validate_warnings(model)
            elif model and isinstance(model.about, Published) and model.about.purpose:
                self._validate_purpose(name, model, model.about.purpose)
            self._validated.add(name)

    def lineage(self, name: str) -> dict[str, list[str]]:
        """Kind → path of tables by which its facts reach this table; models that carry identity or warnings pass nothing on.

        Fields that serve fewer purposes than their kind are given too, as `kind.field`.
        """
        reached: dict[str, list[str]] = {}
        if card := self.cards.get(name):
            for item in card.evidence:
                if item.kind in self.kinds and item.field in self.kinds[item.kind].narrowed:
                    reached[f"{item.kind}.{item.field}"] = [name, "evidence"]
        waiting, seen = [[name]], {name}
        if card:
            waiting += [[name, read] for read in sorted(self._evidence_reads(card))]
        while waiting:
            path = waiting.pop(0)
            room, _, table = path[-1].partition(".")
            if room == "accepted":
                reached.setdefault(table, path)
                continue
            model = self.models.get(path[-1])
            if model and isinstance(model.about, About) and model.about.carries and len(path) > 1:
                continue
            for restricted in self._narrowed_named(model):
                reached.setdefault(restricted, [*path, f"accepted.{restricted}"])
            for read in self.reads(path[-1]):
                if read not in seen:
                    seen.add(read)
                    waiting.append([*path, read])
        return reached

    def _narrowed_named(self, model: Model | None) -> list[str]:
        """`kind.field` for each field that this model names, or takes with `*`, and that serves fewer purposes than its kind."""
        if model is None:
            return []
        return [
            f"{kind.name}.{field}"
            for kind in self.kinds.values()
            if kind.narrowed and f"accepted.{kind.name}" in model.reads
            for field in kind.narrowed
            if kind.name in model.taken_whole or field in model.named_columns
        ]

    def _evidence_reads(self, card: Card) -> set[str]:
        return {f"accepted.{item.kind}" for item in card.evidence} | {item.rows for item in card.evidence if item.rows}

    def _validate_card(self, name: str, model: Model, card: Card) -> None:
        where = engines.place(model.path)
        if table := [
            read for read in model.reads if read == EVERY or read.startswith(("main.", "life.", "input.previous"))
        ]:
            raise ModelError(f"{where}：规则不能读 {table[0]}")
        note = model.path.with_suffix(".yml")
        for at, item in enumerate(card.evidence):
            way = f"{engines.place(note)}:evidence 第 {at + 1} 项的"
            if item.field not in self.kinds[item.kind].columns:
                line = line_of(note, "evidence", at, "field")
                raise ModelError(f"{way} field：{item.kind} 没有 {item.field} 这一列{line}")
        self._validate_purpose(name, model, card.purpose)
        given = model.output_columns()
        asked = [*RULE_COLUMNS, *card.reason_columns]
        for item in card.evidence:
            asked += [item.row] if item.row else item.by_columns
        if missing := sorted(set(asked) - set(given)):
            raise ModelError(f"{where}：查询结果缺少这些列：{'、'.join(missing)}")
        if unknown := sorted(set(card.yields_to) - {other.code for other in self.cards.values()}):
            line = line_of(note, "yields_to")
            raise ModelError(f"{engines.place(note)}:yields_to：没有 {'、'.join(unknown)} 这条规则{line}")

    def _validate_purpose(self, name: str, model: Model, purpose: Purpose) -> None:
        """Refuse a table that reaches a kind, or a field of one, that does not serve its purpose."""
        where = engines.place(model.path)
        for kind, path in sorted(self.lineage(name).items()):
            of, _, field = kind.partition(".")
            if of not in self.kinds:
                raise ModelError(f"{where}：没有 {kind} 这个数据种类")
            if field:
                if purpose not in (allowed := self.kinds[of].narrowed[field]):
                    raise ModelError(
                        f"{where}：用途是 {purpose}，不得使用 {kind}（{self.kinds[of].columns[field].header}）；"
                        f"经由 {' ← '.join(path)}。这一列只可用于：{'、'.join(allowed)}"
                    )
                continue
            if purpose not in self.kinds[kind].purposes:
                raise ModelError(
                    f"{where}：用途是 {purpose}，不得使用 {kind}（{self.kinds[kind].title}）；"
                    f"经由 {' ← '.join(path)}。该种类只可用于：{'、'.join(self.kinds[kind].purposes)}"
                )

    def _validate_identity(self, model: Model, given: provenance.Given) -> None:
        where = f"{engines.place(model.path)}：声明只含身份（carries: identity）"
        if facts := sorted(set(model.output_columns()) - IDENTITY_COLUMNS):
            raise ModelError(f"{where}，却带出了：{'、'.join(facts)}")
        try:
            made = provenance.follow(model.query, given)
        except provenance.Unfollowed as problem:
            raise ModelError(
                f"{where}，却查不清每一列的来源：{problem}。请写成普通的查询，每一列写明是哪张表的"
            ) from problem
        sources = made.rows.union(*made.columns.values())
        if facts := sorted(source for source in sources if not self._says_who(source)):
            raise ModelError(f"{where}，却用到了：{'、'.join(facts)}")

    def _given(self) -> provenance.Given:
        """For provenance.py: how the tables are made that an identity model may read."""
        partners = frozenset(kind.name for kind in self.kinds.values() if kind.is_partner)
        found: dict[str, provenance.Made] = {}

        def made(name: str) -> provenance.Made:
            if name not in found:
                found[name] = self._made(name, given, partners)
            return found[name]

        given = provenance.Given(made, partners, self._is_place_of_row)
        return given

    def _made(self, name: str, given: provenance.Given, partners: frozenset[str]) -> provenance.Made:
        room, _, table = name.partition(".")
        if room == "accepted" and table in self.kinds:
            columns = [*self.kinds[table].accepted_columns(), "received_seq", "file_name"]
            own = {column: frozenset({f"{name}.{column}"}) for column in columns}
            return provenance.Made(own, partners=frozenset({table}) & partners)
        model = self.models.get(name)
        if model is None:
            return provenance.Made(provenance.Anything(name))
        if isinstance(model.about, About) and model.about.carries == "identity":
            return provenance.Made({column: frozenset({f"{name}.{column}"}) for column in model.output_columns()})
        followed = provenance.follow(model.query, given)
        alike = {
            column: frozenset(source for source in followed.columns[column] if not self._is_place_of_row(source))
            for column in _ALL_ALIKE.get(name, ())
        }
        rows = followed.rows
        if alike:
            rows = frozenset(source for source in rows if not self._is_place_of_row(source))
        return provenance.Made({**followed.columns, **alike}, rows, followed.partners)

    def _is_place_of_row(self, source: str) -> bool:
        """Whether a source tells on which partner's list a row stands."""
        room, _, rest = source.partition(".")
        table, _, column = rest.partition(".")
        of_partner = room == "accepted" and self.kinds[table].is_partner
        return source == provenance.WHICH_LIST or (of_partner and column in _PLACE_OF_ROW)

    def _says_who(self, source: str) -> bool:
        """Whether a source tells only who a person is, where, in whose household, and on which row of our own lists."""
        room, _, rest = source.partition(".")
        table, _, column = rest.partition(".")
        if room != "accepted":
            model = self.models.get(f"{room}.{table}")
            carried = model.about.carries if model and isinstance(model.about, About) else None
            return carried == "identity" or (room == "input" and table in _INPUT_WHO)
        kind, field_name = self.kinds[table], re.sub("__(?:text|unreadable)$", "", column)
        is_place = field_name in kind.columns and kind.columns[field_name].type in _PLACES
        if field_name in _WHO or field_name in kind.named or is_place:
            return True
        return not kind.is_partner and (field_name in _PLACE_OF_ROW or field_name in _SINCE)


def _validate_warnings(model: Model) -> None:
    where = f"{engines.place(model.path)}：声明只含预警（carries: warnings）"
    if other := [read for read in model.reads if read not in ("main.warning", "main.warning_withdrawn", "input.rule")]:
        raise ModelError(f"{where}，却读了：{'、'.join(other)}")
    if facts := sorted(set(model.output_columns()) - WARNING_COLUMNS):
        raise ModelError(f"{where}，却带出了：{'、'.join(facts)}")
    if facts := sorted(model.named_columns - _WARNING_NAMES):
        raise ModelError(f"{where}，却用到了：{'、'.join(facts)}")
    for column in model.query.find_all(exp.Column):
        sides = (column.parent.left, column.parent.right) if isinstance(column.parent, exp.EQ) else ()
        if column.name == "rule_code" and [side.name for side in sides] != ["rule_code", "rule_code"]:
            raise ModelError(f"{where}，rule_code 只能用来和 input.rule 相连")


_PLACES = ("township", "place")
"""Types of columns that say where a person lives."""

_ROOMS: dict[str, tuple[str, type[About] | type[Card]]] = {
    "registry": ("registry", About),
    "warnings": ("warnings", Card),
    "life": ("life", About),
    "published": ("main", Published),
}


def read_sound_models(kinds: dict[str, Kind]) -> Models:
    """Read every model and card, and refuse what may not be built. Raises ModelError."""
    models = read_models(kinds)
    models.validate(models.everything())
    return models


def read_models(kinds: dict[str, Kind], folder: Path = SQL) -> Models:
    """Read every model and card. Raises ModelError naming the file and what is expected there."""
    models: dict[str, Model] = {}
    for room, (schema, shape) in _ROOMS.items():
        notes = {path.stem: path for path in sorted((folder / room).glob("*.yml"))}
        queries = {path.stem: path for path in sorted((folder / room).glob("*.sql"))}
        alone = {stem: note for stem, note in notes.items() if f"{schema}.{stem}" in contract_models.QUERIES}
        for stem, path in (queries | alone).items():
            if stem not in notes:
                raise ModelError(f"{engines.place(path)}：旁边缺少 {stem}.yml")
            note = notes.pop(stem)
            about = _read_note(shape, note, note.read_bytes())
            if isinstance(about, Card):
                if about.code.lower() != stem:
                    line = line_of(note, "code")
                    raise ModelError(f"{engines.place(note)}:code：应与文件名一致（{stem.upper()}）{line}")
                for at, item in enumerate(about.evidence):
                    if item.kind not in kinds:
                        line = line_of(note, "evidence", at, "kind")
                        raise ModelError(f"{engines.place(note)}:evidence.kind：没有 {item.kind} 这个数据种类{line}")
            name = f"{schema}.{stem}"
            write = contract_models.QUERIES.get(name)
            sql = write(kinds) if write else path.read_text(encoding="utf-8")
            models[name] = Model(name=name, path=path, sql=sql, about=about, query=_parse(engines.place(path), sql))
        if notes:
            raise ModelError(f"{engines.place(next(iter(notes.values())))}：旁边缺少同名的 .sql")
    for model in models.values():
        for at, item in enumerate(model.about.evidence if isinstance(model.about, Card) else ()):
            if item.rows and item.rows not in models:
                note = model.path.with_suffix(".yml")
                line = line_of(note, "evidence", at, "rows")
                raise ModelError(f"{engines.place(note)}:evidence 第 {at + 1} 项的 rows：没有 {item.rows} 这张表{line}")
    lists = {path.stem: _read_list(path) for path in sorted((folder / "published").glob("*.csv"))}
    found = Models(models=models, kinds=kinds, lists=lists)
    same = next((each for each in _read_last if each == found), found)
    _read_last[:] = [same]
    return same


_read_last: list[Models] = []
"""The models read last. While the files are the same they are given again, so they are not examined again."""


def read_published(folder: Path = SQL) -> dict[str, Published]:
    """The yml files of the published models, by table (`main.…`); their queries, which take seconds to parse, are not read."""
    paths = sorted((folder / "published").glob("*.yml"))
    notes = {f"main.{path.stem}": _read_note(Published, path, path.read_bytes()) for path in paths}
    return {name: about for name, about in notes.items() if isinstance(about, Published)}


def _read_list(path: Path) -> pa.Table:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    if crooked := [at for at, row in enumerate(rows, start=2) if len(row) != len(header)]:
        raise ModelError(f"{engines.place(path)}：第{crooked[0]}行应有 {len(header)} 格")
    return pa.table({name: pa.array([row[at] or None for row in rows], pa.string()) for at, name in enumerate(header)})


@cache
def _parse(name: str, sql: str) -> exp.Query:
    with engines.plainly(name, is_whole_file=True):
        statements = sqlglot.parse(sql, read="duckdb")
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ModelError(f"{name}：应当正好是一个 select")
    return statements[0]


# A process reads sql/ more than once (canaries, the build, another night), and the queries are long: results for one are remembered.


@cache
def _read_note(shape: type[About] | type[Card], path: Path, content: bytes) -> About | Card:
    """The yml beside a model. `content` is the file's: while it is the same, the file is not read again."""
    return read_shape(shape, path, read_yaml(path, ModelError), ModelError)


@cache
def _reads(name: str, sql: str) -> tuple[str, ...]:
    query = _parse(name, sql)
    inner = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    found = set()
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise ModelError(f"{name}：只能读表，不能读文件或调用表函数")
        if table.db:
            found.add(f"{table.db}.{table.name}")
        elif table.name not in inner:
            raise ModelError(f"{name}：表 {table.name} 要写明在哪个 schema，如 registry.{table.name}")
    return tuple(sorted(found))


@cache
def _named_columns(name: str, sql: str) -> frozenset[str]:
    return frozenset(
        re.sub("__(?:text|unreadable)$", "", column.name.lower()) for column in _parse(name, sql).find_all(exp.Column)
    )


@cache
def _refuse_hidden(name: str, sql: str) -> None:
    """Refuse SQL that uses columns without their names, since purposes are checked by names. Raises ModelError."""
    query = _parse(name, sql)
    for node in query.walk():
        hidden = isinstance(node, (exp.Columns, exp.PositionalColumn, exp.Pivot, exp.Lateral))
        hidden |= isinstance(node, exp.Join) and bool(node.args.get("using") or node.args.get("method"))
        hidden |= isinstance(node, exp.Star) and bool(node.args.get("replace") or node.args.get("rename"))
        hidden |= isinstance(node, exp.Column) and (
            isinstance(node.this, exp.Star)
            or bool(node.args.get("db"))
            or (not node.table and node.name.lower() in _rows_at_hand(node))
        )
        if hidden:
            raise ModelError(f"{name}：{node.sql(dialect='duckdb')}：要用的列须逐一写出名字")


def _rows_at_hand(column: exp.Column) -> set[str]:
    """Names of the tables whose whole rows an unqualified name might mean."""
    found: set[str] = set()
    select = column.find_ancestor(exp.Select)
    while select is not None:
        found |= {table.alias_or_name.lower() for table in _sources(select) if table.db}
        select = select.find_ancestor(exp.Select)
    return found


@cache
def _taken_whole(name: str, sql: str) -> frozenset[str]:
    return frozenset(
        table.name
        for select in _parse(name, sql).find_all(exp.Select)
        if select.is_star
        for table in _sources(select)
        if table.db
    )


def _sources(select: exp.Select) -> list[exp.Table]:
    """The tables that one select names in its from and joins, without those of its subqueries."""
    clauses = [select.args.get("from_"), *(select.args.get("joins") or [])]
    return [clause.this for clause in clauses if clause is not None and isinstance(clause.this, exp.Table)]


def _columns(query: exp.Expr, known: dict[str, list[str]], path: Path) -> list[str]:
    """Output columns of a query, `*` resolved through its own CTEs and subqueries only."""
    known = dict(known)
    for cte in query.args["with_"].expressions if query.args.get("with_") else []:
        known[cte.alias] = _columns(cte.this, known, path)
    if isinstance(query, exp.SetOperation):
        return _columns(query.left, known, path)
    if isinstance(query, exp.Subquery):
        return _columns(query.this, known, path)
    names: list[str] = []
    for item in query.selects:  # type: ignore[attr-defined]
        if not item.is_star:
            names.append(item.alias_or_name)
            continue
        source = query.args["from_"].this
        inner = known.get(source.name) if isinstance(source, exp.Table) and not source.db else None
        if isinstance(source, exp.Subquery):
            inner = _columns(source, known, path)
        if inner is None or query.args.get("joins") or not isinstance(item, exp.Star):
            raise ModelError(f"{engines.place(path)}：结果的列要逐一写明，不能用 * 代替")
        dropped = {column.name for column in item.args.get("except_") or item.args.get("except") or []}
        names += [name for name in inner if name not in dropped]
    return names
