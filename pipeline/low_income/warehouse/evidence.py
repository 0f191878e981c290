"""Makes warnings.every from the cards and their queries: all candidates of the night, with reason, evidence, freshness, policy.

Also makes warnings.freshness: how fresh tonight's lists are for the warnings that are carried over.

This module writes the SQL from the cards, so that a rule is its pair of files and nothing else. The engine makes the texts,
column by column: amounts in yuan with two decimals, dates ISO, months YYYY-MM, unknown as 未知.
"""

from __future__ import annotations

from string import Formatter

import duckdb

from low_income.model import ModelError, quote
from low_income.warehouse import engines
from low_income.warehouse.models import SAID_UNREADABLE, SOURCE, UNREADABLE, Card, Evidence, Models

UNKNOWN = "未知"

_TABLES = """
create schema made;
create table made.fired (
    rule_code varchar, subject_id varchar, person_id varchar, household_id varchar, division_code varchar,
    area_type varchar, level varchar, measured bigint, reason varchar
);
create table made.item (
    rule_code varchar, subject_id varchar, place integer, fact varchar, kind varchar, value varchar,
    original_text varchar, file_name varchar, sheet varchar, row_number integer, letter varchar, header varchar,
    submission_id varchar, as_of varchar
);
create table made.leans (rule_code varchar, subject_id varchar, registry varchar, unit_code varchar, as_of varchar);
create table made.unreadable (rule_code varchar, subject_id varchar, unreadable varchar);
"""

_EVERY = """
create table warnings.every as
with
evidence as (
    select
        rule_code,
        subject_id,
        to_json(list({
            'fact': fact, 'value': value, 'original_text': original_text, 'file_name': file_name, 'sheet': sheet,
            'row': row_number, 'column': letter, 'header': header, 'submission_id': submission_id, 'as_of': as_of
        } order by place, as_of, file_name, sheet, row_number, value)) as evidence
    from made.item
    group by rule_code, subject_id
),

policy as (
    select
        fired.rule_code,
        fired.subject_id,
        to_json(list({
            'key': policy.key,
            'value': regexp_replace(cast(policy.value as varchar), '\\.?0+$', ''),
            'unit': policy.unit,
            'source': policy.source
        } order by policy.key, policy.policy_region, policy.area_type)) as policy
    from made.fired as fired
    join input.rule_policy as asked on fired.rule_code = asked.rule_code
    left join input.unit as unit on fired.division_code = unit.unit_code
    join input.policy as policy
        on asked.key = policy.key
        and (policy.policy_region = '' or policy.policy_region = unit.policy_region)
        and (policy.area_type = '' or policy.area_type = coalesce(fired.area_type, policy.area_type))
    group by fired.rule_code, fired.subject_id
)

select
    fired.rule_code,
    fired.subject_id,
    fired.person_id,
    fired.household_id,
    fired.division_code,
    fired.level,
    fired.measured,
    fired.reason,
    coalesce(cast(evidence.evidence as varchar), '[]') as evidence,
    freshness.freshness,
    coalesce(cast(policy.policy as varchar), '[]') as policy
from made.fired as fired
left join evidence using (rule_code, subject_id)
left join policy using (rule_code, subject_id)
left join made.freshness as freshness using (rule_code, subject_id)
"""

_FRESHNESS = """
create table {table} as
with
registries as (
    select
        leans.rule_code,
        leans.subject_id,
        list({{
            'registry': leans.registry, 'unit_code': leans.unit_code,
            'unit_name': case when unit.unit_kind = 'bureau' then '各区' else unit.name end,
            'period': roster.period, 'is_current': coalesce(roster.is_current, false),
            'is_whole': coalesce(roster.is_whole, true), 'is_evidence': coalesce(leans.as_of = roster.period, false)
        }} order by leans.registry, leans.unit_code) as registries
    from (
        select rule_code, subject_id, registry, unit_code, max(as_of) as as_of from {leans} group by all
    ) as leans
    left join registry.own_roster as roster
        on leans.registry = roster.registry and leans.unit_code = roster.unit_code
    left join input.unit as unit on leans.unit_code = unit.unit_code
    group by leans.rule_code, leans.subject_id
),

listed as (
    select household_id, count(*) as members
    from registry.household_member
    group by household_id
)

select
    subject.rule_code,
    subject.subject_id,
    cast(to_json({{
        'registries': coalesce(registries.registries, []),
        'oldest_evidence': subject.oldest,
        'newest_evidence': subject.newest,
        'household_size': household.household_size,
        'members_listed': listed.members
    }}) as varchar) as freshness
from {subjects} as subject
left join registries using (rule_code, subject_id)
left join registry.household_fact as household on subject.household_id = household.household_id
left join listed on subject.household_id = listed.household_id
"""
"""For each of `subjects`, the rosters of `leans` as they are tonight. `is_evidence`: the warning rests on a row of that roster; else
the roster was only looked at. For the bureau's own people the rosters of all divisions answer."""

_TONIGHT = """(
    select fired.rule_code, fired.subject_id, fired.household_id, min(item.as_of) as oldest, max(item.as_of) as newest
    from made.fired as fired left join made.item as item using (rule_code, subject_id) group by all
)"""

_CARRIED = """
create temp table carried as
select before.rule_code, before.subject_id, before.household_id, before.freshness
from life.before as before join life.unanswered as unanswered using (warning_id)
"""
_CARRIED_SUBJECTS = """(
    select
        rule_code, subject_id, household_id,
        json_extract_string(freshness, '$.oldest_evidence') as oldest,
        json_extract_string(freshness, '$.newest_evidence') as newest
    from carried
)"""
_CARRIED_LEANS = """(
    select
        rule_code, subject_id, roster.registry, roster.unit_code,
        case when roster.is_evidence then roster.period end as as_of
    from (
        select rule_code, subject_id, unnest(from_json(
            json_extract(freshness, '$.registries'),
            '[{"registry": "VARCHAR", "unit_code": "VARCHAR", "period": "VARCHAR", "is_evidence": "BOOLEAN"}]'
        )) as roster
        from carried
    )
)"""


def make_every(con: duckdb.DuckDBPyConnection, models: Models, *, is_trial: bool = False) -> None:
    """Create `warnings.every` from the built rules: one row per rule and subject; also `warnings.source`, `warnings.unreadable`.

    A trial (`is_trial`) asks only who would be listed: reasons and evidence are left out.

    `subject_id` is the person_id, or for rules about a household its household_id. Raises ModelError naming the card.
    """
    for statement in _TABLES.split(";\n"):
        con.execute(statement)
    for name, card in models.cards.items():
        with engines.plainly(f"{name} 的依据（{engines.place(models.models[name].path)} 和旁边的 .yml）"):
            _gather(con, name, card, models, is_trial=is_trial)
    con.execute(_FRESHNESS.format(table="made.freshness", subjects=_TONIGHT, leans="made.leans"))
    con.execute(_EVERY)
    con.execute(
        f"create table {SOURCE} as select distinct rule_code, subject_id, submission_id from made.item order by all"
    )
    con.execute(
        f"create table {UNREADABLE} as select rule_code, subject_id, min(unreadable) as unreadable from made.unreadable"
        " anti join made.fired using (rule_code, subject_id) group by all order by all"
    )
    con.execute("drop schema made cascade")


def make_freshness(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Create `table`: rule_code, subject_id, freshness of each warning that cannot be asked about tonight and is carried over.

    It tells the rosters that the warning leaned on, as they are tonight. The dates of its evidence stay, since the evidence stays.
    """
    con.execute(_CARRIED)
    con.execute(_FRESHNESS.format(table=table, subjects=_CARRIED_SUBJECTS, leans=_CARRIED_LEANS))
    con.execute("drop table carried")


def _gather(con: duckdb.DuckDBPyConnection, name: str, card: Card, models: Models, *, is_trial: bool) -> None:
    levels = ", ".join(quote(level) for level in card.levels)
    listed = name
    if SAID_UNREADABLE in models.models[name].output_columns():
        con.execute(
            f"insert into made.unreadable select {quote(card.code)}, {_subject(card)}, fired.{SAID_UNREADABLE}"
            f" from {name} as fired where fired.{SAID_UNREADABLE} is not null"
        )
        listed = f"(select * from {name} where {SAID_UNREADABLE} is null)"
    fired, strange = con.execute(
        f"select count(*), count(*) filter (where level is null or level not in ({levels})) from {listed}"
    ).fetchall()[0]
    if not fired:
        return
    types = {column: sql_type for column, sql_type, *_ in con.sql(f"describe select * from {listed}").fetchall()}
    if strange:
        raise ModelError(f"{name}：有 {strange} 行的级别不在卡片所列之内（{'、'.join(card.levels)}）")
    area = "fired.area_type" if "area_type" in types else "household.area_type"
    con.execute(
        f"insert into made.fired select {quote(card.code)}, {_subject(card)}, fired.person_id, fired.household_id,"
        f" fired.division_code, {area}, fired.level, fired.measured, {quote('') if is_trial else _sentence(card.reason, types)}"
        f" from {listed} as fired left join registry.household_fact as household on fired.household_id = household.household_id"
    )
    if is_trial:
        return
    for registry in card.consulted(models.kinds):
        con.execute(
            f"insert into made.leans select {quote(card.code)}, {_subject(card)}, {quote(registry)}, fired.division_code, null"
            f" from {listed} as fired"
        )
    for place, item in enumerate(card.evidence):
        _gather_item(con, listed, card, place, item, models)
        if models.kinds[item.kind].period == "month":
            con.execute(
                "insert into made.leans select distinct item.rule_code, item.subject_id, $1, submission.unit_code, item.as_of"
                " from made.item as item join input.submission as submission using (submission_id)"
                " where item.rule_code = $2 and item.place = $3",
                [models.kinds[item.kind].dataset_group, card.code, place],
            )


def _gather_item(
    con: duckdb.DuckDBPyConnection, listed: str, card: Card, place: int, item: Evidence, models: Models
) -> None:
    kind = models.kinds[item.kind]
    value = _text(f'source."{item.field}"', kind.columns[item.field].type)
    as_of = "source.period" if kind.period == "month" else "cast(submission.night as varchar)"
    if item.rows:
        tied = [f'fired."{column}" = many."{column}"' for column in item.by_columns]
        if SAID_UNREADABLE in models.models[item.rows].output_columns():
            tied.append(f"many.{SAID_UNREADABLE} is null")
        on = " and ".join(tied)
        rows = f"join {item.rows} as many on {on} join accepted.{item.kind} as source on many.row_id = source.row_id"
    else:
        rows = f'join accepted.{item.kind} as source on fired."{item.row}" = source.row_id'
    con.execute(
        f"insert into made.item select {quote(card.code)}, {_subject(card)}, {place}, {quote(item.fact)}, {quote(item.kind)},"
        f' {value}, source."{item.field}__text", source.file_name, source.sheet, source.row_number,'
        f" heading.letter, heading.header, source.submission_id, {as_of} from {listed} as fired {rows}"
        " join input.submission as submission on source.submission_id = submission.submission_id"
        " left join input.column as heading on source.submission_id = heading.submission_id"
        f" and source.sheet = heading.sheet and heading.field = {quote(item.field)}"
    )


def _subject(card: Card) -> str:
    return "fired.household_id" if card.subject == "head" else "fired.person_id"


def _sentence(template: str, types: dict[str, str]) -> str:
    """SQL that makes the reason from the query's columns."""
    parts = []
    for literal, column, _, _ in Formatter().parse(template):
        if literal:
            parts.append(quote(literal))
        if column is not None:
            parts.append(_text(f'fired."{column}"', _meaning(column, types[column])))
    return f"concat({', '.join(parts)})"


def _meaning(column: str, sql_type: str) -> str:
    if column.endswith("_fen"):
        return "money"
    if sql_type == "DATE":
        return "month" if column.endswith("_month") else "date"
    if sql_type.startswith("DECIMAL"):
        return "decimal"
    return "boolean" if sql_type == "BOOLEAN" else "text"


def _text(column: str, meaning: str) -> str:
    """SQL that writes a value as readers expect it; `meaning` is a contract's column type."""
    texts = {
        "money": f"cast(cast(cast({column} as decimal(20, 2)) * 0.01 as decimal(22, 2)) as varchar)",
        "month": f"strftime({column}, '%Y-%m')",
        "date": f"case when {column} = date '9999-12-31' then '长期' else cast({column} as varchar) end",
        "decimal": f"regexp_replace(cast({column} as varchar), '\\.?0+$', '')",
        "boolean": f"case when {column} then '是' when not {column} then '否' end",
    }
    return f"coalesce({texts.get(meaning, f'cast({column} as varchar)')}, '{UNKNOWN}')"
