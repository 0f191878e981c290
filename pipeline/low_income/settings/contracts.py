"""Reads expectations/ → Kinds: what each record kind is, how its headers are written, what is expected of its values.

Each kind has one file in expectations/kinds/, its only description. A file in expectations/sources/ says only how
one unit deviates from it. A malformed file stops the night with an error that names the file and the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from low_income.folding import compatible, plain_blanks, visible
from low_income.model import ROOT, CheckLevel, ContractError, Purpose, Severity
from low_income.settings import floor
from low_income.settings.strict_yaml import Misplaced, Strict, line_of, read_shape, read_yaml

EXPECTATIONS = ROOT / "expectations"

Type = Literal[
    "name", "id_number", "text", "date", "month", "money", "integer", "decimal",
    "boolean", "code", "township", "place", "disability_number",
]  # fmt: skip
NUMBER_SENSITIVE: tuple[Type, ...] = ("id_number", "disability_number", "date", "month")
"""Types for which a number cell and a text cell have different meanings."""

_SQL_TYPES: dict[str, str] = {
    "date": "DATE", "month": "DATE", "money": "BIGINT", "integer": "BIGINT", "decimal": "DECIMAL(14,3)", "boolean": "BOOLEAN",
}  # fmt: skip


class Column(Strict):
    """One field of a kind. `header` is the name printed in templates; `aliases` are other names in real files."""

    header: str
    aliases: list[str] = []
    type: Type
    required: bool | Literal["one_of_income"] = False
    """True: the column must be in the header and each cell must be filled. `one_of_<group>`: at least one column of the group."""
    required_column: bool = False
    """The column must be in the header, but its cells may be blank; a blank has a meaning of its own."""
    minimum: int | None = None
    maximum: int | None = None
    """Bounds in the stored unit (fen for money)."""
    unit: Literal["元", "万元"] = "元"
    """Unit of an amount when neither the header nor the cell names one."""
    jump: int | None = None
    """The sender is asked about a value that is at least this many times the one on last month's roster."""
    not_after: Literal["night"] | None = None
    """`night`: the date may not be after the night's date."""
    purposes: list[Purpose] | None = None
    """What this column may be used for, fewer purposes than its kind; None: the purposes of the kind.

    In a partner's list of help facts, a column for reviews only is kept only for people of authorised households.
    """
    open_end: bool = False
    """长期 and 至今 mean that there is no end, stored as 9999-12-31; a blank means not known."""
    month_means_last_day: bool = False
    """A date written as a month is read as that month's last day (spec, death_notice)."""
    codes: dict[str, list[str]] = {}
    """Canonical word → other spellings."""
    codes_of: str | None = None
    """`kind.field` whose codes are used here too."""
    others: str | None = None
    """The code for a word that is not in the list; without it such a word is unreadable."""
    true_words: list[str] = []
    false_words: list[str] = []
    """Further spellings of true and false."""
    else_from: dict[str, str] = {}
    """Word in title, sheet name or file name → value for blank cells, or for all cells where the column is missing."""
    else_: str | None = Field(default=None, alias="else")
    example: str | int | float | None = None

    @property
    def sql_type(self) -> str:
        """DuckDB type of the accepted value."""
        return _SQL_TYPES.get(self.type, "VARCHAR")

    @property
    def review_only(self) -> bool:
        """Whether only reviews may read it."""
        return self.purposes == ["entitlement_review"]


class Across(Strict):
    """A value from another kind of the same unit and period, for use in an expectation."""

    kind: str
    count_by: str | None = None
    lookup: str | None = None
    """A field of both kinds. `count_by` counts the other kind's rows with the same value, `lookup` fetches it."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Across:
        if (self.count_by is None) == (self.lookup is None):
            raise ValueError("count_by 和 lookup 写且只写一个")
        return self


class Check(Strict):
    """One expectation that the columns themselves do not declare."""

    rule: str
    expect: str
    kwargs: dict[str, Any]
    across: dict[str, Across] = {}
    marks: str
    severity: Severity
    level: CheckLevel | None = None
    """What it looks at. None: across files when it uses another kind, else the row or the value."""
    message: str
    fix: str

    @property
    def looks_at(self) -> CheckLevel:
        """The level that error lines name."""
        if self.level:
            return self.level
        return "across_files" if self.across else "row" if "column_A" in self.kwargs else "value"


class Person(Strict):
    """Which fields say whom a row is about, and to which household the person belongs."""

    id_number: str
    name: str
    head: str | None = None
    relation: str | None = None
    household_no: str | None = None
    sex: str | None = None
    birth_date: str | None = None


Scope = Literal["help", "authorised"]
"""Whose facts may be kept: `help`, people in help scope; `authorised`, people with an authorisation in date."""


class Door(Strict):
    """Whose rows of a partner's list may be kept (docs/boundaries.md, 3)."""

    scope: Scope
    or_when: str | None = None
    """SQL over one person's rows in one file: also keeps people outside the scope who meet a help rule.

    It may use fields, `<field>__unreadable` of optional ones as in accepted rows, and policy values as `:key`.
    """
    or_let_in: bool = False
    """True: a person kept by another list's `or_when` counts as in scope."""


class Kind(Strict):
    """A canonical record kind."""

    name: str
    title: str
    grain: str
    dataset_group: str
    """Kinds of one dataset group refer to each other and are validated together."""
    senders: list[str]
    """Unit kinds (`division`) or unit codes that may send it."""
    purposes: list[Purpose]
    legal_basis: str
    period: Literal["month", "none"]
    replace: Literal["period", "unit", "key"]
    titles: list[str]
    person: Person
    key: Annotated[list[str], Field(min_length=1)]
    identical_counts_once: bool = False
    """True: rows with the same key are one fact, also where a door's condition sums rows."""
    speaks_by_absence: bool = False
    """True: rules conclude something from a missing row, e.g. that nobody paid, or that no later fact exists."""
    door: Door | None = None
    columns: dict[str, Column]
    ignore: list[str] = []
    checks: list[Check] = []

    @model_validator(mode="after")
    def _fields_exist(self) -> Kind:
        if self.door and self.door.scope == "authorised" and self.purposes != ["entitlement_review"]:
            raise ValueError("凭授权保存的只能用于核对，purposes 应是 [entitlement_review]")
        for named, *way in self._naming():
            if named not in self.columns:
                raise Misplaced(f"没有 {named} 这一列", *way)
        seen: dict[str, str] = {}
        for field, column in self.columns.items():
            if (column.type == "money") != field.endswith("_fen"):
                raise Misplaced("金额按分保存，名字以 _fen 结尾；别的列不能这样结尾", "columns", field)
            if column.purposes is not None and not set(column.purposes) < set(self.purposes):
                raise Misplaced("应比这个种类的用途少", "columns", field, "purposes")
            if column.purposes is not None and field in self.named:
                raise Misplaced("这一列写着是谁，读这一行的都看得到，不能另设用途", "columns", field, "purposes")
            if column.review_only and not (self.door and self.door.scope == "help"):
                raise Misplaced("只供核对的列，只能写在外部门的救助类名单里", "columns", field)
            for header in [column.header, *column.aliases]:
                if (other := seen.setdefault(fold_header(header)[0], field)) != field:
                    raise Misplaced(f"列名 {header} 已经是 {other} 的", "columns", field)
        return self

    @model_validator(mode="after")
    def _rules_once(self) -> Kind:
        rules = [check.rule for check in self.checks]
        for at, rule in enumerate(rules):
            if rule in rules[:at]:
                raise Misplaced(f"{rule} 这个名字写了两次", "checks", at, "rule")
        return self

    def _naming(self) -> Iterator[tuple[str | int, ...]]:
        """Each field that the file names, followed by the keys and positions where it is named."""
        yield from ((field, "key", at) for at, field in enumerate(self.key))
        yield from ((field, "person", role) for role, field in self.person.model_dump().items() if field)
        for at, check in enumerate(self.checks):
            yield check.marks, "checks", at, "marks"
            for argument in ("column", "column_A", "column_B"):
                if (field := check.kwargs.get(argument)) is not None and field not in check.across:
                    yield str(field), "checks", at, "kwargs", argument

    def called(self) -> list[tuple[str, bool]]:
        """(folded name that a title or file name may use for the kind, is it a full title); the others lack the words that lists share."""
        titles = [fold_header(title)[0] for title in self.titles]
        stems = [stem for title in titles if len(stem := _GENERIC.sub("", title)) > 1]
        return [*((title, True) for title in titles), *((stem, False) for stem in stems)]

    @property
    def has_gaps(self) -> bool:
        """Whether rules may not conclude from absence when a part of it is known to be missing (`low_income.night.rosters`)."""
        return self.speaks_by_absence or self.period == "month"

    def is_sent_by(self, unit_kind: str, unit_code: str) -> bool:
        """Whether a unit may send it."""
        return unit_kind in self.senders or unit_code in self.senders

    @property
    def is_partner(self) -> bool:
        """Whether it is a partner's list: a door filters its rows before they are validated."""
        return self.door is not None

    @property
    def named(self) -> list[str]:
        """Fields that say whom a row is about."""
        return [field for field in self.person.model_dump().values() if field]

    @property
    def member(self) -> str | None:
        """SQL condition over judged rows: the row names a household and is about a member, not the head. None without such rows."""
        if self.person.head:
            return f"(head_number is not null and {self.person.relation} is distinct from '户主')"
        if self.person.household_no and self.person.relation:
            return f"({self.person.household_no} is not null and {self.person.relation} is distinct from '户主')"
        return None

    @property
    def review_only(self) -> list[str]:
        """Fields that are kept only for people of authorised households, in a kind that is kept for more people."""
        return [field for field, column in self.columns.items() if column.review_only]

    @property
    def narrowed(self) -> dict[str, list[Purpose]]:
        """Field with fewer purposes than the kind → its purposes."""
        return {field: column.purposes for field, column in self.columns.items() if column.purposes is not None}

    @property
    def scopes(self) -> list[Scope]:
        """The scopes that its door uses."""
        narrower: list[Scope] = ["authorised"] if self.review_only else []
        return [self.door.scope, *narrower] if self.door else []

    @property
    def is_review_only(self) -> bool:
        """Whether nothing, or not every column, is kept for people without authorisation."""
        authorised = self.door is not None and self.door.scope == "authorised"
        return authorised or any(column.review_only for column in self.columns.values())

    def header_fields(self) -> dict[str, str]:
        """Folded header → field."""
        return {
            fold_header(header)[0]: field
            for field, column in self.columns.items()
            for header in [column.header, *column.aliases]
        }

    def required_groups(self) -> list[list[str]]:
        """Groups of fields; of each group at least one column must be in the header."""
        groups: dict[str, list[str]] = {}
        for field, column in self.columns.items():
            if column.required is True or column.required_column:
                groups[field] = [field]
            elif column.required:
                groups.setdefault(column.required, []).append(field)
        return list(groups.values())

    @property
    def optional(self) -> list[str]:
        """Fields that may be blank or unreadable in an accepted row. An unreadable cell of any other field sets the row aside."""
        needed = {self.person.id_number, self.person.head, self.key[0]}
        return [field for field, column in self.columns.items() if column.required is False and field not in needed]

    def accepted_columns(self) -> dict[str, str]:
        """Column → DuckDB type of accepted/<kind>/*.parquet, in order: source of the row, person, then the fields.

        Each field has its value under its own name and the sender's text under `<field>__text`. For optional fields
        `<field>__unreadable` (BOOLEAN) says why there is no value: true when the cell has content that does not count,
        false when it is blank.
        """
        columns = {
            "row_id": "VARCHAR", "submission_id": "VARCHAR", "unit_code": "VARCHAR", "period": "VARCHAR",
            "sheet": "VARCHAR", "row_number": "INTEGER", "person_id": "VARCHAR", "head_person_id": "VARCHAR",
            "identity_state": "VARCHAR", "id_sex": "VARCHAR", "id_birth_date": "DATE",
        }  # fmt: skip
        optional = set(self.optional)
        for field, column in self.columns.items():
            columns[field] = column.sql_type
            columns[f"{field}__text"] = "VARCHAR"
            if field in optional:
                columns[f"{field}__unreadable"] = "BOOLEAN"
        return columns


def _visible_word(word: str) -> str:
    if not visible(word):
        raise ValueError("不能是空的")
    return word


class Headers(Strict):
    """The content of expectations/headers.yml: words that apply to every file, of any kind."""

    refused: dict[str, list[Annotated[str, AfterValidator(_visible_word)]]] = {}
    """Reason group → words that this bureau refuses, in addition to what the product never stores (`low_income.settings.floor`)."""
    ignored: list[str]
    period: list[str]
    totals: list[str]
    footnotes: list[str]
    example: str
    returned_sheet: str
    instructions_sheet: str

    @cached_property
    def never(self) -> dict[str, list[str]]:
        """Reason group → words for what is never stored: the product's and the bureau's own."""
        groups = [*floor.REFUSED, *(group for group in self.refused if group not in floor.REFUSED)]
        return {group: [*floor.REFUSED.get(group, []), *self.refused.get(group, [])] for group in groups}

    def refusal_of(self, text: str, *, is_header: bool = True) -> str | None:
        """The reason group when a text names something that is never stored, else None.

        A Latin word counts only when no letter is next to it, and never inside a mail or web address. Innocent words
        (`floor.INNOCENT`) do not count; outside a header, names of offices do not count either. Characters without a
        shape, blanks and marks that join words (`民_族`, `blood-type`, `bloodType`) do not hide a word.
        """
        innocent = _innocent(is_header)
        for form in _forms(text):
            rest = innocent.sub(" ", form)
            if any(pattern.search(rest) for pattern in self._any):
                return next(group for group, pattern in self._refused if pattern.search(rest))
        return None

    def refusal_of_column(self, name: str) -> str | None:
        """The same for a column of a database or table, which may also have a short name (`mz`, `zzmm`)."""
        short = fold_header(name)[0]
        return next((group for group, codes in floor.CODES.items() if short in codes), None) or self.refusal_of(name)

    @cached_property
    def _any(self) -> list[re.Pattern[str]]:
        """All groups in one or two patterns. Latin words have their own pattern: an alternation of plain literals is much faster."""
        patterns = sorted({_as_pattern(word) for words in self.never.values() for word in words})
        literal = [pattern for pattern in patterns if not pattern.startswith("(?")]
        return [re.compile("|".join(some)) for some in (literal, sorted(set(patterns) - set(literal))) if some]

    @cached_property
    def _refused(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(group, re.compile("|".join(map(_as_pattern, words)))) for group, words in self.never.items()]


_LATIN = r"a-z\u00df-\u024f"
_ADDRESS = re.compile(
    r"[a-z]+://[!-~]+|[\w.%+-]*@[\w.-]+|(?<![\w-])(?:[a-z0-9_-]+\.)+[a-z]{2,}(?![a-z])(?:[/?:#][!-~]*)?", re.ASCII
)
"""A web or mail address: its words say nothing about a person."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
JOINTS = r"_.\-·•~‐-―"
"""For use inside a regex class: marks that join words, or that may be inside a word."""
_JOINTS = re.compile(f"[{JOINTS}]+")


def _as_pattern(word: str) -> str:
    folded = fold_header(word)[0]
    before = rf"(?<![{_LATIN}0-9])" if re.match(f"[{_LATIN}]", folded) else ""
    after = rf"(?![{_LATIN}])" if re.search(f"[{_LATIN}]$", folded) else ""
    return before + re.escape(folded) + after


@cache
def _innocent(is_header: bool) -> re.Pattern[str]:
    """Pattern of words that say nothing about a person, the longest first."""
    words = [*floor.INNOCENT, *([] if is_header else floor.OFFICES)]
    folded = sorted({fold_header(word)[0] for word in words}, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, folded)))


def _forms(text: str) -> Iterator[str]:
    """The forms of a text in which refused words are searched: folded; without blanks, with single ones, without joining marks."""
    plain = plain_blanks(compatible(text))
    seen = set()
    for spelled in (plain, _CAMEL.sub(" ", plain)):
        spaced = _ADDRESS.sub(" ", spelled.casefold())
        together = visible(spaced).replace("*", "")
        for form in (together, spaced, _JOINTS.sub("", together)):
            if form not in seen:
                seen.add(form)
                yield form


class Source(Strict):
    """The content of expectations/sources/<unit>_<kind>.yml: how one unit deviates from the kind."""

    unit: str
    kind: str
    reason: str
    headers: dict[str, str] = {}
    """The unit's own header → field."""
    ignore: list[str] = []
    checks: list[Check] = []


class Contracts(Strict):
    """Everything in expectations/."""

    kinds: dict[str, Kind]
    sources: list[Source]
    headers: Headers

    def for_unit(self, kind: str, unit: str) -> Kind:
        """The kind as this unit sends it, with the unit's own headers, ignored columns and checks added.

        Raises KeyError for an unknown kind.
        """
        base = self.kinds[kind]
        for source in self.sources:
            if (source.kind, source.unit) == (kind, unit):
                columns = dict(base.columns)
                for header, field in source.headers.items():
                    columns[field] = columns[field].model_copy(update={"aliases": [*columns[field].aliases, header]})
                base = base.model_copy(
                    update={
                        "columns": columns,
                        "ignore": [*base.ignore, *source.ignore],
                        "checks": [*base.checks, *source.checks],
                    }
                )
        return base

    def dataset_groups(self) -> dict[str, list[str]]:
        """Dataset group → its kinds. Groups of our own lists come first: the doors of partners' lists need to know who is in scope."""
        ordered: dict[str, list[str]] = {}
        for kind in sorted(self.kinds.values(), key=lambda kind: (kind.is_partner, kind.dataset_group, kind.name)):
            ordered.setdefault(kind.dataset_group, []).append(kind.name)
        return ordered

    @cached_property
    def called(self) -> dict[str, frozenset[str]]:
        """Folded name in a title or file name → all kinds of the dataset groups that it may mean; the longest names first."""
        words: dict[str, set[str]] = {}
        dataset_groups = self.dataset_groups()
        for kind in self.kinds.values():
            for word, _ in kind.called():
                words.setdefault(word, set()).update(dataset_groups[kind.dataset_group])
        return {word: frozenset(words[word]) for word in sorted(words, key=lambda word: (-len(word), word))}


_GENERIC = re.compile(r"(人员|家庭|成员|对象|名单|台账|登记|\(户\)|\(人\))+$")
_BRACKETS = str.maketrans("()〔〕【】[]{}", "()()()()()")
MONEY_UNITS = {"元": 1, "圆": 1, "百元": 100, "千": 1_000, "千元": 1_000, "万": 10_000, "万元": 10_000}
"""Unit of an amount in a header, a title or a cell → yuan."""
MONEY_UNIT = "(?:" + "|".join(sorted(MONEY_UNITS, key=len, reverse=True)) + ")"
"""Pattern of one such unit, longer ones first."""
_PER = "(?:/(?:人|户|次|月|季|年|人/月|月/人|人/年|年/人))?"
_UNIT = re.compile(
    rf"\((?:(?:计量|金额)?单位[::]?)?(?:人民币)?({MONEY_UNIT}{_PER}|公里|千米|km|平方米|㎡|人|户|间|次|%)\)$"
    rf"|[,、]?单位[::]?(?:人民币)?({MONEY_UNIT})$|[/,、:]({MONEY_UNIT})$"
)


@lru_cache(10_000)
def fold_header(header: str) -> tuple[str, str | None]:
    """(folded header, unit): without differences of NFKC, case, blanks, line breaks, shapeless characters, brackets, `*` marks.

    A unit at the end, usually in brackets, is cut off and returned (`家庭月总收入（元）` → `家庭月总收入`, `元`). See docs/sources.md.
    """
    text = compatible(header).translate(_BRACKETS).casefold()
    text = visible(text).replace("*", "")
    match = _UNIT.search(text)
    if match and match.start() > 0:
        return text[: match.start()], next(group for group in match.groups() if group)
    return text, None


@cache
def load(folder: Path = EXPECTATIONS) -> Contracts:
    """Read all contracts in a folder, once. Raises ContractError naming the file and the key."""
    raw = {path.stem: (path, read_yaml(path, ContractError)) for path in sorted((folder / "kinds").glob("*.yml"))}
    if not raw:
        raise ContractError(f"{folder}/kinds 中没有任何数据种类的约定")
    for path, data in raw.values():
        if data.get("name", path.stem) != path.stem:
            raise ContractError(f"kinds/{path.name}:name：种类的名字就是文件名，不另写{line_of(path, 'name')}")
        columns = data.get("columns")
        for field, column in columns.items() if isinstance(columns, dict) else ():
            if isinstance(column, dict) and "codes_of" in column:
                column.update(_codes_of(raw, path, field, str(column["codes_of"])))
    kinds = {name: read_shape(Kind, path, {"name": name, **data}, ContractError) for name, (path, data) in raw.items()}
    for kind in kinds.values():
        _validate_across(kind, kinds)
    sources = [_read_source(path, kinds) for path in sorted((folder / "sources").glob("*.yml"))]
    path = folder / "headers.yml"
    headers = read_shape(Headers, path, read_yaml(path, ContractError), ContractError)
    agreed = Contracts(kinds=kinds, sources=sources, headers=headers)
    _validate_floor(agreed)
    return agreed


def _read_source(path: Path, kinds: dict[str, Kind]) -> Source:
    """One file of expectations/sources/. Raises ContractError where it does not fit its name or its kind."""
    source = read_shape(Source, path, read_yaml(path, ContractError), ContractError)
    where = f"sources/{path.name}"
    if source.kind not in kinds:
        raise ContractError(f"{where}:kind：没有 {source.kind} 这个种类{line_of(path, 'kind')}")
    if path.stem != f"{source.unit}_{source.kind}":
        raise ContractError(
            f"{where}:unit：文件名应是 {source.unit}_{source.kind}.yml：哪个单位的哪种名单{line_of(path, 'unit')}"
        )
    columns = kinds[source.kind].columns
    if unknown := sorted(set(source.headers.values()) - set(columns)):
        raise ContractError(
            f"{where}:headers：{source.kind} 没有这些列：{'、'.join(unknown)}{line_of(path, 'headers')}"
        )
    known = kinds[source.kind].header_fields()
    for header, field in source.headers.items():
        if (other := known.get(fold_header(header)[0], field)) != field:
            raise ContractError(
                f"{where}:headers：列名 {header} 已经是 {other} 的，不能再说成 {field}{line_of(path, 'headers', header)}"
            )
    for at, check in enumerate(source.checks):
        if check.marks not in columns:
            raise ContractError(
                f"{where}:checks 第 {at + 1} 项的 marks：{source.kind} 没有 {check.marks} 这一列"
                f"{line_of(path, 'checks', at, 'marks')}"
            )
    return source


def _codes_of(raw: dict[str, tuple[Path, dict[str, Any]]], path: Path, field: str, reference: str) -> dict[str, Any]:
    kind, _, other = reference.partition(".")
    columns = raw[kind][1].get("columns") if kind in raw else None
    column = columns.get(other) if isinstance(columns, dict) else None
    if not isinstance(column, dict) or "codes" not in column:
        where = line_of(path, "columns", field, "codes_of")
        raise ContractError(f"kinds/{path.name}:columns.{field}.codes_of：没有 {reference} 的代码表{where}")
    return {key: column[key] for key in ("codes", "others") if key in column}


def _validate_across(kind: Kind, kinds: dict[str, Kind]) -> None:
    for check in kind.checks:
        for across in check.across.values():
            where = f"kinds/{kind.name}.yml:checks.{check.rule}.across"
            field = across.count_by or across.lookup
            if across.kind not in kinds or field not in kinds[across.kind].columns or field not in kind.columns:
                raise ContractError(f"{where}：没有 {across.kind}.{field} 这一列")
            if kinds[across.kind].dataset_group != kind.dataset_group:
                raise ContractError(f"{where}：{across.kind} 不属于同一组（dataset_group）")


def _validate_floor(agreed: Contracts) -> None:
    """Refuse contracts that allow what the product never does (docs/boundaries.md, 1 to 3). Raises ContractError."""
    if floor.digest() != floor.DIGEST:
        raise ContractError(
            "pipeline/low_income/settings/floor.py：内容与 DIGEST 不符：不接收的词、用途和范围的底线不得改动"
        )
    declared: dict[str, str] = {}
    for kind in agreed.kinds.values():
        where = f"kinds/{kind.name}.yml"
        _validate_purposes(kind, where)
        _validate_door(kind, where)
        for key, words in _declared(kind):
            for word in words:
                declared.setdefault(word, f"{where}:{key}")
    for source in agreed.sources:
        for word in source.headers:
            declared.setdefault(word, f"sources/{source.unit}_{source.kind}.yml:headers")
    for word, where in declared.items():
        _refuse_free_text(word, where)
        if group := agreed.headers.refusal_of(word):
            raise ContractError(f"{where}：“{word}”说的是按规定不接收的内容（{group}），不得约定")


def _refuse_free_text(word: str, where: str) -> None:
    found = next((each for each in floor.FREE_TEXT if each in fold_header(word)[0]), None)
    if found and not where.endswith((":title", ".codes")):
        raise ContractError(f"{where}：“{word}”是写句子的列（“{found}”），什么都可能写在里面，不得约定")


def _declared(kind: Kind) -> Iterator[tuple[str, Iterable[str]]]:
    """(key, words) of all words in which a contract says what the kind and each column contain."""
    yield "title", [kind.name, kind.title, kind.dataset_group, *kind.titles]
    for field, column in kind.columns.items():
        spellings = [word for code, words in column.codes.items() for word in (code, *words)]
        told = [*spellings, *column.else_from, *column.true_words, *column.false_words]
        yield f"columns.{field}", [field, column.header, *column.aliases]
        yield f"columns.{field}.codes", told


def _validate_purposes(kind: Kind, where: str) -> None:
    limits = floor.KINDS.get(kind.name)
    if limits and (beyond := sorted(set(kind.purposes) - limits.purposes)):
        raise ContractError(f"{where}:purposes：{kind.title}不得用于 {'、'.join(beyond)}")
    if "entitlement_review" not in kind.purposes:
        return
    if not limits and not (kind.door and kind.door.scope == "authorised"):
        raise ContractError(f"{where}:purposes：另加的种类只有凭核对授权（door.scope: authorised）才能用于复核")
    for word in [kind.title, *kind.titles]:
        _refuse_review(f"{where}:purposes", word)
    for field, column in kind.columns.items():
        if column.purposes is None or "entitlement_review" in column.purposes:
            if column.type == "disability_number":
                raise ContractError(f"{where}:columns.{field}：残疾人证号不得用于复核")
            for word in [column.header, *column.aliases]:
                _refuse_review(f"{where}:columns.{field}", word)


def _refuse_review(where: str, word: str) -> None:
    if found := next((each for each in floor.HELP_ONLY if each in fold_header(word)[0]), None):
        raise ContractError(
            f"{where}：“{word}”说的是疾病、残疾、就学或受灾（“{found}”），不得用于复核（entitlement_review）"
        )


def _validate_door(kind: Kind, where: str) -> None:
    if kind.name in floor.OWN_LISTS:
        return
    if kind.door is None:
        raise ContractError(
            f"{where}:door：不是我们自己的名单，必须写明收谁的行，如 door: {{scope: help}}（只收救助范围内的人）"
        )
    limits = floor.KINDS.get(kind.name)
    least = limits.door if limits and limits.door else floor.Door(kind.door.scope)
    if kind.door.scope != least.scope:
        raise ContractError(f"{where}:door.scope：应是 {least.scope}")
    if kind.door.or_when is not None and _one_blank(kind.door.or_when) != _one_blank(least.or_when or ""):
        raise ContractError(
            f"{where}:door.or_when：范围以外收谁的行由程序规定（pipeline/low_income/settings/floor.py），不能改"
        )
    if kind.door.or_let_in and not least.or_let_in:
        raise ContractError(
            f"{where}:door.or_let_in：范围以外收谁的行由程序规定（pipeline/low_income/settings/floor.py），不能改"
        )
    for field in sorted(floor.REVIEW_COLUMNS.get(kind.name, ())):
        if field in kind.columns and not kind.columns[field].review_only:
            raise ContractError(f"{where}:columns.{field}.purposes：应是 [entitlement_review]")


def _one_blank(text: str) -> str:
    return " ".join(text.split())
