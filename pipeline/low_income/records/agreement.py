"""Checks that journal, ledger, keys and archive belong together, before a night and before an answer about what is held.

A ledger that lost rows would publish a list that is too short, and give no warning. The journal tells each file that
came, each word of a person and each published night. The ledger must know all of them. The journal must hold the line
that the ledger remembers as the last. A night that was cut off may have written in the journal alone: that is no
disagreement, and the next night takes it up. See docs/boundaries.md (absence never speaks) and docs/bad_input.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from low_income.model import ConfigError, MonitorError
from low_income.records import archive, journal, keyed_ids, seal
from low_income.records.journal import ARRIVALS, CONFIRMED, Entry
from low_income.records.ledger import COMMAND, Ledger, shown_name
from low_income.records.ledger.tables import restore_or_rebuild
from low_income.settings.home import Home

File = tuple[str, str, str]
"""(unit_code, file name, sha256)."""
IDENTITY = "identity"
"""Name of the journal line that holds the check value of identity.key."""

_OTHER_LEDGER = (
    "请核对 monitor.yml 的 ledger 指的是不是这个数据目录的库；确实丢了或旧了的，换一个空库，再运行 monitor recover，"
    "它由日志和 archive/ 重建运行记录库"
)
_JOURNAL = (
    "请从最近一夜以后的备份恢复 journal.jsonl；只有更早的备份，就先把现在的数据目录移到别处留着，把整个数据目录从同一次备份恢复，"
    "再请各单位重报那以后的文件"
)
_NEW_HOME = "新的数据目录，运行记录库就是别处的：请移走 ledger.db，或改 monitor.yml 的 ledger。用过的数据目录，"
_IDENTITY_KEY = "请从备份恢复 identity.key；用别的密钥，所有的人都成了陌生人"
_ARCHIVE_KEY = "请从备份恢复 archive.key；没有它，收到的原始文件都打不开"


# before a night, and before anybody is told ----------------------------------------------------------------------


def verify_agreement(home: Home, ledger: Ledger) -> list[Entry]:
    """All lines of the journal. Raises MonitorError, with what to do, unless journal, ledger and identity.key are of one home and time.

    Changes nothing. May run beside the steps of a night: where something seems to disagree, it looks a second time.
    """
    said, entries = _disagreement(home, ledger)
    if said:
        said, entries = _disagreement(home, ledger)
    if said:
        raise MonitorError(f"{said}。这一次没有开始，什么都没有改")
    return entries


def _disagreement(home: Home, ledger: Ledger) -> tuple[str, list[Entry]]:
    """(what does not fit and what to do, in Chinese, '' when all fits; the journal's lines as read)."""
    of_ledger = restore_or_rebuild("ledger.db") if home.settings.ledger == "sqlite" else _OTHER_LEDGER
    try:
        before = known_files(ledger)  # the journal tells of each of them before the ledger does
        head = ledger.journal_head()
        entries = _entries(home)
        verify_identity(home, entries)
        held = _Held.of(ledger)
        changed = held.changed_units(ledger, entries)
    except seal.Unopened:
        said = (
            "运行记录库不是这个数据目录的，或者 ledger.key 换过：里面的文字打不开。请先核对 ledger.key 是不是原来的。"
        )
        return said + of_ledger, []
    if not entries:
        there = _left_without_journal(home, held)
        or_new = _NEW_HOME if there == ["运行记录库"] else ""
        said = f"日志不见了或是空的（journal.jsonl），而 {'、'.join(there)} 里有内容。{or_new}{_JOURNAL}"
        return said if there else "", entries
    strange = before - {file for entry in entries for file in _told_by(entry)}
    lacking = held.lacks(entries)
    said = ""
    if lacking and strange:
        said = f"运行记录库和日志不是一套：运行记录库{lacking}，又有日志里没有的 {len(strange)} 份。{of_ledger}"
    elif lacking:
        said = f"运行记录库不全（丢了、空了，或是旧的一份）：{lacking}。{of_ledger}"
    elif strange:
        said = f"日志和运行记录库不是一套（日志丢了、短了，或是旧的一份）：运行记录库里有 {len(strange)} 份文件日志没有记。{_JOURNAL}"
    elif head and head[0] and not any((each.seq, each.hash) == head for each in entries):
        said = f"日志不全（短了，或是旧的一份）：运行记录库记得的第 {head[0]} 行，日志里没有。{_JOURNAL}"
    elif untold := _untold_release(home, entries):
        said = f"日志和运行记录库都是旧的一份：releases/ 里有第 {untold} 版，日志没有记到它。{_JOURNAL}"
    elif gone := _gone_parts(home, ledger, entries):
        said = f"accepted/ 里少了 {len(gone)} 份已接收的数据（如 {gone[0]}）。{restore_or_rebuild('accepted/')}"
    elif changed:
        said = f"运行记录库里 {'、'.join(changed)} 的记录与发布时不同。{of_ledger}"
    return said, entries


def _untold_release(home: Home, entries: Sequence[Entry]) -> int:
    """Number of a release that is later than any in the journal; 0 when there is none.

    The journal tells each number first: for a publication, and for a release written anew without the rows of one person.
    A recovery begins again with 1.
    """
    names = [path.name.split(".")[0] for path in home.releases.glob("[0-9]*")]
    last = max((int(name) for name in names if name.isdecimal()), default=0)
    told = sum(entry.what == "published" for entry in entries)
    told += sum(
        bool(files) for entry in entries if entry.what == "left_out" for files in entry.about["releases"].values()
    )
    return last if last > told else 0


def _gone_parts(home: Home, ledger: Ledger, entries: Sequence[Entry]) -> list[str]:
    """Files of accepted rows that the journal tells and that are missing; none where something was under way since the last digest."""
    return [] if last_kept(entries) is None else missing_parts(home, ledger, last_of_parts(entries))


def missing_parts(home: Home, ledger: Ledger, parts: Mapping[str, str | None]) -> list[str]:
    """Those of the `last_of_parts` that should be there and are missing; sorted.

    Earlier versions did not tell when a submission lost its last row. Where the ledger counts no accepted row, no file is missing.
    """
    missing = sorted(name for name, digest in parts.items() if digest and not (home.root / name).exists())
    if not missing:
        return []
    beside = ("set_aside", "unproven")
    emptied = {each.submission_id for each in ledger.submissions() if each.outcome != "read" and not each.rows_accepted}
    return [name for name in missing if Path(name).parent.name in beside or Path(name).stem not in emptied]


def _entries(home: Home) -> list[Entry]:
    try:
        return list(journal.read(home))
    except ConfigError:
        raise
    except MonitorError as problem:
        raise MonitorError(f"{problem}。{_JOURNAL}") from problem


def _left_without_journal(home: Home, held: _Held) -> list[str]:
    """Names of the stores that hold something. A new home has no journal, and these are empty too."""
    return [
        what
        for what, is_there in (
            ("运行记录库", bool(held.files or held.nights)),
            ("archive/", bool(archive.kept(home))),
            ("accepted/", any(home.accepted.glob("*/*.parquet"))),
            ("releases/", home.warehouse.is_symlink() or any(home.releases.glob("[0-9]*"))),
        )
        if is_there
    ]


@dataclass(frozen=True)
class _Held:
    """What the ledger knows."""

    files: frozenset[File]
    nights: frozenset[date]
    said: frozenset[tuple[str, ...]]
    there: frozenset[str]
    """Ids that a person may have confirmed."""
    waiting: frozenset[str]
    """Units with a file that is still to be read, or a submission that is still to be judged."""

    @staticmethod
    def of(ledger: Ledger) -> _Held:
        waiting = {each.unit_code for each in ledger.submissions(outcome="read")}
        waiting |= {each.unit_code for each in ledger.files(state="received")}
        waiting |= {each.unit_code for each in ledger.decisions.files(state="received")}
        return _Held(
            frozenset(known_files(ledger)), frozenset(each.run_date for each in ledger.nights()),
            frozenset(ledger.said()), frozenset(ids_of(ledger)), frozenset(waiting),
        )  # fmt: skip

    def lacks(self, entries: Sequence[Entry]) -> str:
        """What the journal tells and the ledger does not know, in words; '' when it knows all of it."""
        published = [at for at, entry in enumerate(entries) if entry.what == "published"]
        settled = entries[: published[-1] + 1] if published else []
        nights = {date.fromisoformat(entry.about["run_date"]) for entry in settled if entry.what == "published"}
        counts = {
            "份收到过的文件": len((told_files(settled) & told_files(entries)) - self.files),
            "个发布过的夜晚": len(nights - self.nights),
            "条人的确认或例外": len(told_words(entries, self.there) - self.said),
        }
        return (
            "少了 " + "、".join(f"{count} {what}" for what, count in counts.items() if count)
            if any(counts.values())
            else ""
        )

    def changed_units(self, ledger: Ledger, entries: Sequence[Entry]) -> list[str]:
        """Units whose rows differ from the last digest, although nothing of them was under way since."""
        kept = last_kept(entries)
        if kept is None or kept.get("form") != ledger.form():
            return []
        told, now = kept["ledger"], ledger.digests()
        return [unit for unit in sorted({*told, *now}) if told.get(unit) != now.get(unit) and unit not in self.waiting]


# keys ------------------------------------------------------------------------------------------------------------


def verify_identity(home: Home, entries: Iterable[Entry]) -> None:
    """Raise ConfigError when identity.key is not the one with which this home began."""
    check = keyed_ids.key_check(home.identity_key())
    if any(entry.what == IDENTITY and entry.about["check"] != check for entry in entries):
        raise ConfigError(f"{home.identity_key_path}：不是这个数据目录原来的密钥，这一次没有开始。{_IDENTITY_KEY}")


def verify_ledger_file(home: Home, entries: Sequence[Entry]) -> None:
    """Raise MonitorError when a home that is in use has lost its ledger file: opening it would make an empty one."""
    if entries and home.settings.ledger == "sqlite" and not (home.root / "ledger.db").exists():
        raise MonitorError(f"运行记录库不见了（ledger.db）。{restore_or_rebuild('ledger.db')}")


def verify_archive_key(home: Home) -> None:
    """Raise ConfigError when archive.key is missing, open to others, or opens nothing of what the archive holds."""
    key, kept = home.keys / "archive.key", archive.kept(home)
    if not key.exists():
        if kept:
            raise ConfigError(f"{key}：密钥不见了，这一次没有开始。{_ARCHIVE_KEY}")
        return
    archive.key_of(home)
    smallest = sorted(kept, key=lambda sha256: (archive.path(home, sha256).stat().st_size, sha256))[:_TRIED]
    if smallest and not any(_opens(home, sha256) for sha256 in smallest):
        raise ConfigError(f"{key}：不是这个数据目录原来的密钥，archive/ 里的文件打不开；这一次没有开始。{_ARCHIVE_KEY}")


_TRIED = 3
"""How many files of the archive are tried: one alone may be spoilt, and then says nothing about the key."""


def _opens(home: Home, sha256: str) -> bool:
    with suppress(MonitorError):
        archive.verify_file(home, sha256)
        return True
    return False


def leave_check_value(home: Home, entries: Iterable[Entry], *, who: str, at: datetime) -> None:
    """Write the check value of identity.key into the journal, once, so that another key is noticed later.

    The first night writes it; in an older home, the first night of this version. `entries`: what `verify_agreement` gave.
    """
    if not any(entry.what == IDENTITY for entry in entries):
        about = {"check": keyed_ids.key_check(home.identity_key())}
        journal.write(home, IDENTITY, about, who=who, at=at)


# what the journal tells, what the ledger knows -------------------------------------------------------------------


def told_files(entries: Iterable[Entry]) -> set[File]:
    """Files that came and were not purged later. A filled-in list that came under two names is one file, under its first name."""
    files: set[File] = set()
    lists: dict[tuple[str, str], File] = {}
    for entry in entries:
        for file in _told_by(entry):
            if entry.what == "filled_in":
                lists.setdefault((file[0], file[2]), file)
            else:
                files.add(file)
        if entry.what == "purged":
            files -= {tuple(file) for file in entry.about["files"]}
            for unit, _, sha256 in entry.about.get("lists", []):
                lists.pop((unit, sha256), None)
    return files | set(lists.values())


def _told_by(entry: Entry) -> list[File]:
    if entry.what not in ARRIVALS:
        return []
    return [(entry.about["unit_code"], shown_name(entry.about["file_name"]), entry.about["sha256"])]


def known_files(ledger: Ledger) -> set[File]:
    """All files in the ledger, filled-in lists among them."""
    files: list[Any] = [*ledger.files(), *ledger.decisions.files()]
    return {(file.unit_code, file.file_name, file.sha256) for file in files}


def ids_of(ledger: Ledger) -> set[str]:
    """Ids in the ledger that a person may have confirmed: submissions, and files left in the inbox."""
    return {each.submission_id for each in ledger.submissions()} | {each.left_id for each in ledger.left(date.max)}


def told_words(entries: Iterable[Entry], there: Collection[str]) -> set[tuple[str, ...]]:
    """Confirmations and exceptions of the command line, in the shape of `Ledger.said`: the last of each day.

    Of confirmations only those about ids in `there`.
    """
    told: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for each in entries:
        about = each.about
        if each.what in CONFIRMED and about["submission_id"] in there:
            words = (about["submission_id"], about["night"])
            told[each.what, *words] = (each.what, *words, about["by_whom"], about["reason"])
        elif each.what == "excepted" and about["source"] == COMMAND:
            words = (about["issue_id"], about["decided_on"])
            told["excepted", *words] = ("excepted", *words, about["by_whom"], about["reason"], about["expires_on"])
    return set(told.values())


def last_of_parts(entries: Iterable[Entry]) -> dict[str, str | None]:
    """Path below the home → digest as last written; None for a file that was emptied or removed."""
    parts: dict[str, str | None] = {}
    for entry in entries:
        if entry.what == "judged":
            parts |= entry.about["parts"]
        elif entry.what == "purged":
            parts |= dict.fromkeys(entry.about["parts"])
    return parts


def open_forgettings(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """person_id → the journal's lines of a forgetting that began and did not end."""
    begun: dict[str, list[Entry]] = {}
    for each in entries:
        if each.what == "forgetting":
            begun.setdefault(each.about["person_id"], []).append(each)
        elif each.what == "forgot":
            begun.pop(each.about["person_id"], None)
    return begun


_CHANGES = {"night", *ARRIVALS, "judged", "purged", "forgetting", "forgot"}
"""Journal lines that change the ledger's rows: an earlier digest holds no longer."""


def last_kept(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """The last digests of the ledger's rows and of the side folders of accepted/; None when something changed since."""
    for each in reversed(entries):
        if "kept" in each.about:
            kept: dict[str, Any] = each.about["kept"]
            return kept
        if each.what in _CHANGES:
            return None
    return None
