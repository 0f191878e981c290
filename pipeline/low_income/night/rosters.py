"""Finds what is missing from lists: only absence from a whole list means something (docs/sources.md, a roster that is not whole).

A roster is all parts of a division, kind and month. A gap is something that belongs to it, or may, and is not among its
accepted rows:

- a part that was refused or held, or from which no row was accepted; too many rows set aside;
- sheets or lines of a part that were left out; a part that the month before had, and this month has not yet;
- a file of the sender that nobody can recognise; a file refused in a folder of no unit or of another unit, when its
  name or its content says that it is of this unit;
- a file in its inbox that was not taken, such as an upload that broke off; a database table that was not read.

Lists without a month have gaps in the same way, whoever sends them, when rules conclude something from absence
(`Kind.speaks_by_absence`). Their rows that were set aside are no gap: it is known whom they may be about.

A gap ends when a later file with its name (or with the same bytes) takes its place, or a roster of a later month is
there. It also ends when the data officer confirms that nobody is missing because of it. Rules ask only about gaps that
came on or after the day from which they look for rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import PurePath
from typing import Any, Literal

from low_income import advice
from low_income.model import IDENTICAL_TWIN, mask, month_of
from low_income.reading import endings
from low_income.reading.months import months_in
from low_income.records import accepted_store
from low_income.records.ledger import TAKEN, Ledger, LeftFile, Submission
from low_income.records.ledger.parts import BROKE, is_asked_about, is_shrunken, part_name
from low_income.settings import contracts
from low_income.settings.home import Home, Unit

_OF_CORRECTIONS = frozenset(
    {"correction_changed", "no_base", "base_changed", "nothing_changed", "row_emptied", "filled_list"}
)
"""Refusal codes of correction workbooks that were not used. The file that they correct stays as it was."""
_NO_TABLE = "not_a_table"
"""The refusal code of a letter, a picture, a packed folder. Such a file counts as a list only when its name says so."""
_UNREAD = "unrecognised"
"""The refusal code of a file that could be read but not recognised. It is known whether it holds people."""
_SHRUNKEN = "人数骤减，先扣住不用，还没有确认"
_WHOSE = "整份退回，写的是别的区的地名，可能是这一种"
_BROKEN = f"{BROKE}，先扣住不用，程序还没有修好"
GapSort = Literal["refused", "held", "set_aside", "left_out", "not_come", "unknown", "not_taken", "not_read"]


@dataclass(frozen=True)
class Gap:
    """A gap of a list: a reason why a person who is not on it may still belong to it."""

    unit_code: str
    kind: str
    period: str
    """The roster's month. When the list does not say it: from its name or the files that came with it, else the month of its night.
    '' for lists without a month."""
    latest_period: str
    """The latest month that it may be of; equal to `period` when the month is known."""
    submission_id: str
    """The id that the data officer confirms; for a file in the inbox its `left_id`; '' for a database table that was not read."""
    file_name: str
    sort: GapSort
    reason: str
    """A Chinese clause without the file's name."""
    night: date
    """The night on which the file came, or the table was not read."""
    is_elsewhere: bool = False
    """The file lies in a folder that is not the unit's."""
    refusal_fix: str = ""
    """The advice to its sender when it was refused; else ''."""

    @property
    def fix(self) -> str:
        """What ends the gap, as a Chinese sentence for the data officer."""
        if not self.submission_id:
            return "请查好数据库连接，读到了就恢复"
        confirm = f"运行 monitor confirm {self.submission_id} --by 姓名 --because 原因"
        return advice.try_again(self.submission_id) if self.reason == _BROKEN else self._fix_or(confirm)

    def _mended(self) -> str:
        """How to send a refused file again under a name that ends the gap, in Chinese."""
        if endings.ending(self.file_name) in endings.READ:
            is_kept = endings.ending(self.file_name) == ".xlsx" or not self.refusal_fix
            return f"改好后用原来的文件名再交{'' if is_kept else '（存成 .xlsx 的，只把后缀改成 .xlsx）'}"
        if self.refusal_fix == advice.UNPACK:
            return "解压后把里面的表格交来"
        added = next((each for each in endings.READ if self.refusal_fix == advice.add_ending(each)), "")
        return f"改好后用文件名“{mask(self.file_name + added if added else endings.as_xlsx(self.file_name))}”再交"

    def _fix_or(self, confirm: str) -> str:
        """How to complete the list, or else how to confirm that nobody is missing from it, in Chinese."""
        if self.sort == "held":
            return f"核对无误后{confirm}"
        if self.is_elsewhere:
            return f"请把它放进 {self.unit_code} 文件夹再交，文件名不变；没有因它漏掉人的，{confirm}"
        if self.sort == "not_come":
            return f"请报送单位把这一份也交来；这个月的人都在收到的名单里的，{confirm}"
        if self.reason == _WHOSE:
            return f"请报送单位照退回件里写的弄清是谁的名单；没有因它漏掉人和记录的，{confirm}"
        again = "补全后用原来的文件名再交" if self.sort == "left_out" else self._mended()
        if self.sort == "not_taken":
            whole = endings.bare(self.file_name)
            again = f"把整份名单用文件名“{whole}”交来" if _is_name_of_list(whole) else "交来整份名单，不要的半份请删去"
        nobody = "它不是名单，或没有因它漏掉人和记录" if self.sort == "unknown" else "没有因它漏掉人和记录"
        return f"请报送单位{again}；{nobody}的，{confirm}"


def gaps(home: Home, ledger: Ledger, submissions: Sequence[Submission], day: date) -> list[Gap]:
    """The gaps of all units' lists on the night of `day`, sorted.

    `submissions`: all that had arrived by then, as they stood (`Ledger.as_of`).
    """
    confirmed, not_taken = ledger.confirmed_gaps(day).keys(), ledger.left(day)
    last_night = max((each.run_date for each in ledger.nights() if each.run_date <= day), default=day)
    refused = _refused(each for each in submissions if each.submission_id not in confirmed)
    found: list[Gap] = []
    for unit in home.units.values():
        kinds = _watched(unit)
        came = [each for each in submissions if each.unit_code == unit.code]
        mine = [each for each in came if each.outcome != "repeated"]
        open_ones = [each for each in mine if each.submission_id not in confirmed]
        for each in open_ones:
            if each.status == "refused":
                if each.submission_id in refused and not _is_answered(each, mine):
                    found += _of_refused(home, unit, each, mine)
            elif each.status == "held":
                if each.kind in kinds:
                    found.append(_gap(each, "held", _BROKEN if each.reason.startswith(BROKE) else _SHRUNKEN))
            elif each.kind in kinds and _is_in_force(each, mine) and (left := each.reading.get("gaps")):
                found.append(_gap(each, "left_out", "；".join(left)))
        found += _of_strays(home, unit, refused.values(), mine)
        found += _of_set_aside(home, open_ones, day)
        found += _of_parts_to_come(home, mine, confirmed)
        for left in not_taken:
            if left.unit_code == unit.code and left.left_id not in confirmed:
                found += _of_left(home, unit, left, came, is_there=left.last_on >= last_night)
        found += _of_databases(home, ledger, unit, mine, day)
    return sorted(found, key=lambda gap: (gap.unit_code, gap.kind, gap.period, gap.file_name, gap.submission_id))


def monthly() -> list[str]:
    """The kinds with a month (rosters), sorted."""
    return sorted(kind.name for kind in contracts.load().kinds.values() if kind.period == "month")


def _watched(unit: Unit) -> set[str]:
    """The kinds that a unit may send and for which gaps count."""
    kinds = contracts.load().kinds.values()
    return {kind.name for kind in kinds if kind.has_gaps and kind.is_sent_by(unit.kind, unit.code)}


def _gap(each: Submission, sort: GapSort, reason: str) -> Gap:
    period = each.period
    return Gap(
        each.unit_code, each.kind or "", period, period, each.submission_id, each.file_name, sort, reason, each.night,
        refusal_fix=(each.reading.get("refusal") or {}).get("fix", ""),
    )  # fmt: skip


def _gap_of_file(each: Submission, mine: Iterable[Submission], sort: GapSort, reason: str, kind: str) -> Gap:
    """The gap of a file that was refused. When its month is not known, it is estimated (`_months`)."""
    gap = _gap(each, sort, reason)
    if each.period:
        return replace(gap, kind=kind)
    period, latest = _months(each.file_name, each.night, kind, mine)
    return replace(gap, kind=kind, period=period, latest_period=latest)


def _months(file_name: str, night: date, kind: str, mine: Iterable[Submission]) -> tuple[str, str]:
    """(month, latest month) of a list when only its name is known: from the name, from files that came with it, else from the night."""
    if kind not in monthly():
        return "", ""
    with_it = [other.period for other in mine if (other.night, other.kind) == (night, kind) and other.period]
    period = max([*months_in(PurePath(file_name).stem), *with_it], default=month_of(night))
    return period, max(period, month_of(night))


_NOT_TAKEN = {
    "unfinished": "没有传完，只留下半份",
    "moving": "夜间任务开始时还在传，没有收",
    "waiting": "报送单位放进来的文件超过一夜收取的份数，还没有轮到",
    "late": "报送单位的文件读起来超过了一夜的时间限度，还没有轮到",
    "backup": "像是备份，没有读，也没有收到过同名的名单",
    "by_programs": "名字像是程序自己留下的，没有读，也没有收到过同名的名单",
    "mark": "是传完标记，旁边却没有那份名单",
}
"""Why a file in the inbox is not taken → the reason in Chinese. Companions of other files hold no people, so they are not here."""


def _of_left(home: Home, unit: Unit, left: LeftFile, came: Sequence[Submission], *, is_there: bool) -> list[Gap]:
    """The gaps of a file in the inbox that was not taken: in the lists that its name says, else in all that the unit must send.

    The gaps stay until the whole file comes, even when somebody removes it from the inbox. Half a file whose name says no
    list counts only while it lies there. A copy has no gap when a file of its name came in the same month or later.
    """
    name = endings.bare(left.file_name)
    is_nameless = left.sort == "unfinished" and not endings.ending(name) and is_there
    if left.sort not in _NOT_TAKEN or not (_is_name_of_list(name) or is_nameless):
        return []
    is_half = left.sort in ("unfinished", "moving", "waiting", "late")
    since = left.first_on if is_half else left.first_on.replace(day=1)
    if any(part_name(each.file_name) == part_name(name) and each.night >= since for each in came):
        return []
    return [
        Gap(
            unit.code, kind, *_months(name, left.first_on, kind, came), left.left_id, left.file_name, "not_taken",
            _NOT_TAKEN[left.sort], left.first_on,
        )
        for kind in _may_be(home, unit, _named_kinds(name))
    ]  # fmt: skip


def _may_be(home: Home, unit: Unit, known: set[str]) -> list[str]:
    """The kinds that a list of a unit may be of, sorted: the known ones, else all that it must send. Only kinds for which gaps count."""
    return sorted((known or {kind for code, kind in home.expected if code == unit.code}) & _watched(unit))


def _is_name_of_list(name: str) -> bool:
    return endings.ending(name) in endings.READ or bool(_named_kinds(name))


def _refused(submissions: Iterable[Submission]) -> dict[str, Submission]:
    """Refused submissions by id, without those whose same bytes were taken later from any unit: then it is known whose they are."""
    refused: list[Submission] = []
    taken_at: dict[str, dict[str | None, int]] = {}
    for each in submissions:
        if each.status == "refused":
            refused.append(each)
        elif each.outcome in TAKEN:
            kinds = taken_at.setdefault(each.sha256, {})
            kinds[each.kind] = max(each.received_seq, kinds.get(each.kind, 0))

    def is_taken(each: Submission) -> bool:
        kinds = taken_at.get(each.sha256, {})
        later = kinds.get(each.kind, 0) if each.kind else max(kinds.values(), default=0)
        return later > each.received_seq

    return {each.submission_id: each for each in refused if not is_taken(each)}


def _is_answered(refused: Submission, others: Iterable[Submission]) -> bool:
    """Whether a later file takes the place of a refused one."""
    name = PurePath(refused.file_name)
    # It may be exported again with an ending that is read. A number after a point is no ending.
    without_ending = (
        part_name(str(name.with_suffix(""))) if name.suffix[1:].isascii() and name.suffix[1:].isalpha() else None
    )
    for later in others:
        if later.received_seq <= refused.received_seq or (refused.kind and later.kind not in (None, refused.kind)):
            continue
        if part_name(later.file_name) in (part_name(refused.file_name), without_ending):
            return True  # if that one is refused too, it is a gap itself
        if later.outcome in TAKEN and is_asked_about(refused.reason, later.file_name):
            return True
    return False


def _is_in_force(each: Submission, others: Iterable[Submission]) -> bool:
    """Whether a list was taken, and no later one of its name. Of kinds that add by key both stay taken, and the later one is whole."""
    return each.status in TAKEN and not any(
        later.received_seq > each.received_seq
        and (later.kind, later.period) == (each.kind, each.period)
        and later.outcome in TAKEN
        and part_name(later.file_name) == part_name(each.file_name)
        for later in others
    )


def _of_refused(home: Home, unit: Unit, each: Submission, mine: Sequence[Submission]) -> list[Gap]:
    refusal = each.reading.get("refusal") or {}
    if each.kind:
        reason = _WHOSE if refusal.get("divisions") else "整份退回"
        return [_gap_of_file(each, mine, "refused", reason, each.kind)] if each.kind in _watched(unit) else []
    code = refusal.get("code")
    if code in _OF_CORRECTIONS:
        return []
    # Kinds that the headers fit equally, whatever the file's name. A kind with missing columns is only similar.
    alike = {near["kind"] for near in refusal.get("nearest", ()) if not near["missing"]}
    named = alike or _named_kinds(each.file_name)
    if not named and (code == _NO_TABLE or (code == _UNREAD and not each.reading.get("gaps"))):
        return []
    reason = "整份退回，认不出是哪一种名单，可能是这一种"
    return [_gap_of_file(each, mine, "unknown", reason, kind) for kind in _may_be(home, unit, named)]


def _of_strays(home: Home, unit: Unit, refused: Iterable[Submission], mine: Sequence[Submission]) -> list[Gap]:
    """The gaps of files that lay in a folder of no unit or of another unit, and may be this unit's."""
    found = []
    for each in refused:
        if each.unit_code == unit.code or not _may_be_of(home, unit, each) or _is_answered(each, mine):
            continue
        reason = f"放在“{each.unit_code or '收件箱'}”文件夹里，整份退回，可能是这一种"
        own = _of_refused(home, unit, replace(each, unit_code=unit.code), mine)
        found += [replace(gap, reason=reason, is_elsewhere=True) for gap in own]
    return found


def _may_be_of(home: Home, unit: Unit, refused: Submission) -> bool:
    """Whether a file from another folder may be this unit's: a division is known by a place in the list or name, a partner by the kind."""
    if unit.code in (refused.reading.get("refusal") or {}).get("divisions", ()):
        return True
    kinds = {refused.kind} if refused.kind else _named_kinds(refused.file_name)
    if unit.kind != "division":
        return bool(kinds & _watched(unit))
    if refused.unit_code in home.units and not kinds:
        return False  # a partner's list may name places as well
    name = PurePath(refused.file_name)
    places = home.places([refused.unit_code, *name.parts[:-1], name.stem]).values()
    return any(code == unit.code for named in places for code, _ in named)


def _named_kinds(file_name: str) -> set[str]:
    """Kinds of the dataset groups that a file name says. The longest words are found first, so that 低保边缘 is not 低保 as well."""
    left, named = contracts.fold_header(file_name)[0], set[str]()
    for word, kinds in contracts.load().called.items():
        if word in left:
            named |= kinds
            left = left.replace(word, " ")
    return named


def _of_set_aside(home: Home, submissions: Iterable[Submission], day: date) -> list[Gap]:
    """The gaps of rosters with too many rows set aside. Each names the part with most such rows."""
    rosters: dict[tuple[str | None, str], list[Submission]] = {}
    for each in submissions:
        if each.kind in monthly() and each.status in TAKEN:
            rosters.setdefault((each.kind, each.period), []).append(each)
    found, shrunken = [], shrinks(home, day)
    for taken in rosters.values():
        read, accepted = (sum(getattr(each, rows) for each in taken) for rows in ("rows_read", "rows_accepted"))
        if shrunken(accepted, read) and shrunken(accepted, read := read - _counted_once(home, taken)):
            worst = max(taken, key=lambda each: (each.rows_set_aside, each.submission_id))
            found.append(
                _gap(worst, "set_aside", f"这个月的名单读了 {read} 行，退回 {read - accepted} 行，只收下 {accepted} 行")
            )
    return found


_COUNTING = re.compile(r"(?:[0-9]+|[〇一二三四五六七八九十]+(?=[年月日号]))[年月日号]?|[\s()_.\-—]")
"""Numbers, dates and separators in a name. Without them a part has the same name every month."""


def _of_parts_to_come(home: Home, mine: Sequence[Submission], confirmed: Collection[str]) -> list[Gap]:
    """The gaps of parts (files, or sheets) that the roster before had and the latest one lacks, also under another name.

    A part came under another name when at least half of its people are on the latest roster. The month before is no measure
    when it has less than half as many rows. The gap bears the id of the first part that came: a confirmation of it says
    that the roster is whole.
    """
    rosters: dict[str, dict[str, list[Submission]]] = {}
    for each in mine:
        if each.kind in monthly() and _is_in_force(each, mine):
            rosters.setdefault(str(each.kind), {}).setdefault(each.period, []).append(each)
    found = []
    for months in rosters.values():
        *_, before, period = ["", *sorted(months)]
        first = min(months[period], key=lambda each: each.received_seq)
        rows, rows_before = (sum(each.rows_accepted for each in months.get(month, ())) for month in (period, before))
        if not before or rows_before * 2 < rows or first.submission_id in confirmed:
            continue
        here = {part for each in months[period] for _, part in _named_parts(each)}
        missing = [(each, sheet) for each in months[before] for sheet, part in _named_parts(each) if part not in here]
        lost: dict[str, int] = {}
        for each, sheet in missing:
            persons, stayed = _people_of_part(home, each, sheet, months[period])
            if stayed * 2 < persons:
                lost[each.file_name] = lost.get(each.file_name, 0) + persons
        for name, persons in sorted(lost.items()):
            reason = f"{before} 有这一份（{persons} 人），{period} 的还没有收到"
            found.append(replace(_gap(first, "not_come", reason), file_name=name))
    return found


def _named_parts(each: Submission) -> list[tuple[str, tuple[str, str]]]:
    """(sheet, name of the part without its month) of the lists in a file. For a file with one list, the sheet's name does not count."""
    name = _COUNTING.sub("", part_name(each.file_name))
    sheets = [sheet["sheet"] for sheet in each.reading.get("sheets", ())]
    if len(sheets) < 2:
        return [(sheet, (name, "")) for sheet in sheets]
    return [(sheet, (name, _COUNTING.sub("", sheet.casefold()))) for sheet in sheets]


def _people_of_part(home: Home, part: Submission, sheet: str, roster: Sequence[Submission]) -> tuple[int, int]:
    """(number of people on a sheet of a part, how many of them are on a roster)."""
    import pyarrow as pa  # noqa: PLC0415 - few rosters lack a part
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    def people(each: Submission, wanted: Any = None) -> pa.ChunkedArray[Any]:
        path = accepted_store.rows_path(home, str(each.kind), each.submission_id)
        if not path.exists():
            return pa.chunked_array([], pa.string())
        return pq.read_table(path, columns=["person_id"], filters=wanted)["person_id"]

    of_part = pc.unique(people(part, pc.field("sheet") == sheet).drop_null())
    stays = pc.is_in(
        of_part, pa.chunked_array([chunk for each in roster for chunk in people(each).chunks], pa.string())
    )
    return len(of_part), len(of_part.filter(stays))


def _counted_once(home: Home, submissions: Iterable[Submission]) -> int:
    """The number of their rows that were set aside as identical to another row. Nobody is missing because of them."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - few rosters lose so many rows

    paths = [accepted_store.rows_path(home, "set_aside", each.submission_id) for each in submissions]
    return sum(
        pq.read_table(path, filters=[("reason", "==", IDENTICAL_TWIN)], columns=["reason"]).num_rows
        for path in paths
        if path.exists()
    )


def shrinks(home: Home, day: date) -> Callable[[int, int], bool]:
    """The function (rows, rows before) → whether a roster shrank by more than the policy of `day` allows."""
    share = home.policy.value("volume_drop_ratio", day).value
    rows = int(home.policy.value("volume_drop_rows", day).value)
    return partial(is_shrunken, more_than_share=share, more_than_rows=rows)


def _of_databases(home: Home, ledger: Ledger, unit: Unit, mine: Sequence[Submission], day: date) -> list[Gap]:
    """The gaps of a table that was not read this night: in the kinds that it gave before or its name says, else in all that the unit must send."""
    own = [source for source in home.settings.databases if source.unit == unit.code]
    asked = ledger.sources(day) if own else {}
    found = []
    for source in own:
        if asked.get(source.name, ("",))[0] == "not_delivered":
            before = {
                each.kind for each in mine if each.kind and part_name(each.file_name) == part_name(source.file_name)
            }
            found += [
                Gap(
                    unit.code, kind, month, month, "", source.file_name, "not_read", "数据库里的这张表今晚没有读到", day
                )
                for kind in _may_be(home, unit, before or _named_kinds(source.file_name))
                for month in (month_of(day) if kind in monthly() else "",)
            ]
    return found
