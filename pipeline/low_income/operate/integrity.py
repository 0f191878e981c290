"""Integrity of a home: verify all that it keeps, roll back to a kept release, rebuild a lost ledger, make new keys.

Each works on the whole home, while no night runs. See docs/bad_input.md and docs/outputs.md (the home).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from low_income.model import ConfigError, MonitorError
from low_income.night import run
from low_income.night.publish import current_night
from low_income.operate import attestation, forgetting
from low_income.records import accepted_store, access, agreement, archive, bookkeeping, journal, published, seal
from low_income.records.ledger import Ledger
from low_income.settings.home import PART, Home, digest_of

Step = Callable[[str, int, int], None]


# verify ----------------------------------------------------------------------------------------------------------


def verify(home_dir: Path, on_step: Step | None = None, *, statement: bytes | None = None) -> dict[str, Any]:
    """Read again everything that is kept, and report what was changed, removed or reordered since it was written.

    Nothing in the home is changed, and no received file is written in the clear.
    `statement`: one that was signed earlier and kept elsewhere. The home must be in that state, or in a later state of it.

    Returns `{"problems": Chinese sentences, "notes": what cannot be examined and is no damage, "journal": lines, "archive": files,
    "swept": files that a night which was cut off archived and never recorded, and that were removed, "accepted": parts, "releases":
    kept releases, "outputs": workbooks and letters, "head": hash of the journal's last line, "statement": the signed statement of
    the home; '' when there are problems}`.
    """
    say = on_step or (lambda name, done, total: None)
    home = Home.open(home_dir)
    with access.held(home_dir):  # without opening the ledger: it may be lost, and opening would create it
        problems: list[str] = []
        try:
            entries = list(journal.read(home))
            agreement.verify_identity(home, entries)
            agreement.verify_ledger_file(home, entries)
            ledger = Ledger.of(home)
            ledger.nights()  # opens the ledger, so that a failure is reported here
        except MonitorError as problem:
            # All checks below need journal and ledger: without them nothing can be said.
            return dict.fromkeys(("journal", "archive", "swept", "accepted", "releases", "outputs"), 0) | {
                "problems": [str(problem)], "notes": [], "head": "", "statement": "",
            }  # fmt: skip
        try:
            problems += [*_remembered(entries, ledger), *_files_of_ledger(entries, ledger)]
            problems += [*_said_by_people(entries, ledger), *_kept_beside(entries, home, ledger)]
        except MonitorError as problem:
            problems.append(str(problem))
        received = {
            each.about["sha256"] for each in entries if each.what in journal.ARRIVALS and each.about["archived"]
        }
        purged = {sha256 for each in entries if each.what == "purged" for sha256 in each.about["archive"]}
        swept = sum(len(each.about["archive"]) for each in entries if each.what == "swept")
        kept = archive.kept(home)
        problems += [f"{name}：不是收文件时归档的" for name in archive.strange(home)]
        problems += [f"归档里少了文件 {sha256[:16]}…" for sha256 in sorted(received - purged - set(kept))]
        problems += [f"归档里多出文件 {sha256[:16]}…，日志里没有收到过" for sha256 in sorted(set(kept) - received)]
        problems += _archived(home, kept, say)
        parts = agreement.last_of_parts(entries)
        known = {name for name, digest in parts.items() if digest}
        problems += [f"{name}：不见了" for name in agreement.missing_parts(home, ledger, parts)]
        for done, name in enumerate(sorted(known)):
            say("核对已接收的数据", done, len(known))
            if (home.root / name).exists() and digest_of(home.root / name) != parts[name]:
                problems.append(f"{name}：内容被改动过")
        problems += [f"{name}：不是夜间任务写的" for name in sorted(_parts_there(home) - known)]
        problems += [f"{name}：换成了链接" for name in sorted(known) if (home.root / name).is_symlink()]
        compared = published.compare(home, ledger, entries, say)
        compared.notes += _of_another_version(entries, ledger)
        problems += compared.problems
        problems += [*_dangling(home, compared.sound), *ledger.dangling()]
        if statement is not None:
            problems += attestation.compare(home, entries, statement)
        counts = {
            "journal": len(entries), "archive": len(kept), "swept": swept, "accepted": len(known),
            "releases": compared.releases, "outputs": compared.outputs,
        }  # fmt: skip
        signed = "" if problems else attestation.sign(home, entries, counts, datetime.now(UTC))
    return {
        "problems": problems,
        "notes": compared.notes,
        **counts,
        "head": entries[-1].hash if entries else "",
        "statement": signed,
    }


def _archived(home: Home, kept: list[str], say: Step) -> list[str]:
    """Problems of the archived files. With another archive.key nothing can be said of any of them: then that is the one problem."""
    try:
        agreement.verify_archive_key(home)
    except ConfigError as problem:
        return [str(problem)]
    problems = []
    for done, sha256 in enumerate(kept):
        say("核对原始文件", done, len(kept))
        try:
            archive.verify_file(home, sha256)
        except MonitorError as problem:
            problems.append(str(problem))
    return problems


def _remembered(entries: list[journal.Entry], ledger: Ledger) -> list[str]:
    """Problems when the journal lost its last lines: the rest is still a valid chain, but the ledger remembers the end."""
    last = ledger.journal_head()
    if not last and any(
        each.what == "finished" for each in entries[:-1]
    ):  # if the last line is `finished`, its night was cut off, and the next night remembers the end
        return ["运行记录库里少了“日志写到第几行”那一条：日志末尾有没有被截掉，看不出来"]
    if last and not any((each.seq, each.hash) == last for each in entries):
        return [f"日志末尾被截掉：运行记录库记得写到第 {last[0]} 行，现在只有 {len(entries)} 行"]
    return []


def _files_of_ledger(entries: list[journal.Entry], ledger: Ledger) -> list[str]:
    """Problems for files that only the journal or only the ledger knows, or that they describe differently."""
    told, known = agreement.told_files(entries), agreement.known_files(ledger)
    return [
        *(f"运行记录库里少了 {unit} 的文件《{name}》" for unit, name, _ in sorted(told - known)),
        *(f"运行记录库里多出 {unit} 的文件《{name}》，日志里没有收到过" for unit, name, _ in sorted(known - told)),
    ]


def _said_by_people(entries: list[journal.Entry], ledger: Ledger) -> list[str]:
    """Problems when confirmations and waivers of the command line differ between ledger and journal. The last one of a day counts."""
    told, held = agreement.told_words(entries, agreement.ids_of(ledger)), ledger.said()
    sorts = {"confirmed": "对扣住名单的确认", "confirmed_gap": "对不完整名单的确认", "excepted": "已知例外"}
    return [
        *(f"运行记录库里少了 {each[2]} 的一条{sorts[each[0]]}" for each in sorted(told - held)),
        *(f"运行记录库里多出 {each[2]} 的一条{sorts[each[0]]}，日志里没有" for each in sorted(held - told)),
    ]


def _kept_beside(entries: list[journal.Entry], home: Home, ledger: Ledger) -> list[str]:
    """Problems when rows of the ledger, or files beside the accepted rows, differ from the last digests. [] during a night."""
    if (told := agreement.last_kept(entries)) is None:
        return []
    now = accepted_store.side_store_digests(home, ledger)
    if told.get("form") != now["form"]:  # another version of the program made the digest from other columns
        told = told | {"ledger": now["ledger"]}
    sorts = {"ledger": "运行记录库里 {} 的记录与发布时不同", "folders": "accepted/{}：与发布时不同"}
    return [
        said.format(name)
        for sort, said in sorts.items()
        for name in sorted({*told[sort], *now[sort]})
        if told[sort].get(name) != now[sort].get(name)
    ]


def _of_another_version(entries: list[journal.Entry], ledger: Ledger) -> list[str]:
    """A note when the last digests of the ledger's rows were made from other columns than this version of the program uses."""
    told = agreement.last_kept(entries)
    if told is None or told.get("form") == ledger.form():
        return []
    return ["运行记录库里各单位的记录是另一个版本的程序登记的，现在无法核对；再跑一夜就核对得出"]


def _parts_there(home: Home) -> set[str]:
    """Paths below the home of all files in the folders of accepted rows."""
    return {
        str(path.relative_to(home.root))
        for folder in (*accepted_store.BESIDE_ACCEPTED, *accepted_store.kind_names())
        for path in (home.accepted / folder).rglob("*")
        if (path.is_symlink() or not path.is_dir()) and not path.name.startswith(PART)
    }


def _dangling(home: Home, releases: Collection[str]) -> Iterator[str]:
    """Problems for rows that refer to something missing from their release, and for releases that no key opens."""
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb
    from low_income.warehouse import models  # noqa: PLC0415 - brings duckdb

    about, keys = models.read_published(), seal.release_keys(home)
    for name in sorted(releases):
        try:
            with closing(warehouse.read(home.releases / name / "warehouse.duckdb", keys)) as con:
                yield from (f"releases/{name}:{each}" for each in warehouse.dangling(con, about))
        except MonitorError as problem:
            yield str(problem)


# rollback ---------------------------------------------------------------------------------------------------------


class RolledBack(NamedTuple):
    """The current release, the one before the rollback, and their nights."""

    release: str
    """Its folder, below the home."""
    night: date | None
    release_before: str
    night_before: date | None


def rollback(home_dir: Path, release: str | None, *, who: str, because: str) -> RolledBack:
    """Make a kept release the current one again (without a number: the one that was current before). Later ones are laid aside.

    The release of a past night that was run late was never current: it is reached by its number only. The next night does not
    compare itself with a release that was laid aside. Raises MonitorError for a release that is not kept.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    home = Home.open(home_dir)
    with access.alone(home_dir):
        kept = warehouse.kept_releases(home.releases)
        if not home.warehouse.exists() or not kept:
            raise MonitorError("还没有发布过，没有可以退回的版本")
        current, night_before = int(home.warehouse.resolve().parent.name), current_night(home_dir)
        never = _never_current(journal.read(home))
        earlier = [number for number in kept if number < current and number not in never]
        wanted = int(release) if release and release.isdecimal() else (earlier[-1] if earlier and not release else None)
        if wanted not in kept:
            raise MonitorError(
                f"没有保留“{release or '上一版'}”。保留着的：{'、'.join(map(str, kept))}；现在是 {current}"
            )
        later = [number for number in kept if number > wanted]
        about = {"to": wanted, "laid_aside": later, "because": because}
        bookkeeping.audit(home, Ledger.of(home), "rolled_back", about, who=who)
        warehouse.roll_back(home.releases, home.warehouse, wanted)
        night = current_night(home_dir)
    return RolledBack(f"releases/{wanted}", night, f"releases/{current}", night_before)


def _never_current(entries: Iterable[journal.Entry]) -> set[int]:
    """Numbers of the releases that, by the journal, never became the current one."""
    never = set[int]()
    for entry in entries:
        match entry.what:
            case "published" if "release" in entry.about:
                number = {int(entry.about["release"])}
                never = never - number if entry.about["becomes_current"] else never | number
            case "rolled_back":
                never.discard(entry.about["to"])
            case "recovering":  # release numbers start again
                never = set()
    return never


# recover ----------------------------------------------------------------------------------------------------------


def recover(home_dir: Path, on_step: Step | None = None) -> dict[str, Any]:
    """Rebuild ledger, accepted rows and releases from archive and journal alone. The tables are the same as before.

    Existing ledger, accepted rows and releases are laid aside in `before-recovery-…/`, not removed. Every published night is
    run again in its order, and people who were forgotten in between are forgotten again. Raises MonitorError when the
    journal is damaged, an archived file is missing or damaged, or the ledger's database is not empty (PostgreSQL: provide
    an empty one first).
    """
    say = on_step or (lambda name, done, total: None)
    home = Home.open(home_dir)
    with access.held(home_dir):  # without opening the ledger: it may be broken
        entries = list(journal.read(home))
        if not entries:
            raise MonitorError("日志是空的（journal.jsonl），没有可以重建的内容")
        agreement.verify_identity(home, entries)
        agreement.verify_archive_key(home)
        purged = {sha256 for each in entries if each.what == "purged" for sha256 in each.about["archive"]}
        wanted = {
            each.about["sha256"] for each in entries if each.what in journal.ARRIVALS and each.about["archived"]
        } - purged
        if missing := sorted(wanted - set(archive.kept(home))):
            raise MonitorError(f"归档里少了 {len(missing)} 份文件（如 {missing[0][:16]}…），请先从备份恢复 archive/")
        # A ledger in the home is laid aside with the rest. A database elsewhere must be empty before anything is touched.
        if home.settings.ledger != "sqlite" and Ledger.of(home).files():
            raise MonitorError("运行记录库的数据库不是空的：请先换一个空库（或清空），再运行 monitor recover")
        # After this line the numbers of releases start again.
        journal.write(home, "recovering", {}, who=login(), at=datetime.now(UTC))
    aside = _lay_aside(home)
    nights = sorted({each.about["run_date"] for each in entries if each.what == "published"})
    with access.alone(home_dir):
        ledger = Ledger.of(home)
        for done, (day, arrived, end) in enumerate(_nights(entries, purged)):
            say(f"重做 {day.isoformat()}", done, len(nights))
            for entry in arrived:
                _arrive_again(ledger, entry)
            if end and end.what == "published":
                run.replay_night(home_dir, day)
            elif end:
                person_id = end.about["person_id"]
                begun = agreement.open_forgettings(each for each in entries if each.seq < end.seq).get(person_id, [])
                lines = [each.about for each in begun]
                forgetting.again(home, ledger, person_id, day, who=end.who, because=end.about["because"], lines=lines)
    ledger = Ledger.of(home)
    about = {
        "nights": nights, "laid_aside": aside, "states": published.nights_of(ledger), "settings": published.settings_of(home),
    }  # fmt: skip
    bookkeeping.audit(home, ledger, "recovered", about, who=login())
    return {"nights": nights, "files": len(wanted), "laid_aside": aside}


def _nights(
    entries: list[journal.Entry], purged: set[str]
) -> Iterator[tuple[date, list[journal.Entry], journal.Entry | None]]:
    """(day, lines that arrived since the last step, line that ends the step) in the order in which it happened.

    A step ends with a published night or with a forgetting. The last step may end with neither (None).
    """
    arrived: list[journal.Entry] = []
    for entry in entries:
        is_input = entry.what in ("night", "left", *journal.ARRIVALS, *journal.CONFIRMED, "excepted")
        if is_input and not (entry.what in journal.ARRIVALS and entry.about["sha256"] in purged):
            arrived.append(entry)
        elif entry.what in ("published", "forgot"):
            yield date.fromisoformat(entry.about.get("run_date") or entry.at.date().isoformat()), arrived, entry
            arrived = []
    if arrived:
        yield date.fromisoformat(arrived[-1].about.get("run_date") or arrived[-1].about["night"]), arrived, None


def _arrive_again(ledger: Ledger, entry: journal.Entry) -> None:
    about = entry.about
    if entry.what == "night":
        ledger.begin_night(date.fromisoformat(about["run_date"]), owner=entry.who, at=entry.at)
        return
    if entry.what == "left":
        bookkeeping.left_in_ledger(ledger, about)
        return
    if entry.what == "confirmed":
        night = date.fromisoformat(about["night"])
        ledger.confirm(about["submission_id"], by_whom=about["by_whom"], reason=about["reason"], decided_on=night)
        return
    if entry.what == "confirmed_gap":
        night = date.fromisoformat(about["night"])
        ledger.confirm_gap(about["submission_id"], by_whom=about["by_whom"], reason=about["reason"], decided_on=night)
        return
    if entry.what == "excepted":
        ledger.add_waiver(
            about["issue_id"], unit_code=about["unit_code"], kind=about["kind"], by_whom=about["by_whom"],
            reason=about["reason"], decided_on=date.fromisoformat(about["decided_on"]),
            expires_on=date.fromisoformat(about["expires_on"]), source=about["source"],
        )  # fmt: skip
        return
    bookkeeping.into_ledger(ledger, entry.what, about)


def _lay_aside(home: Home) -> str:
    number = 1 + len(list(home.root.glob("before-recovery-*")))
    aside = home.root / f"before-recovery-{number}"
    aside.mkdir(mode=0o700)
    for path in [*home.root.glob("ledger.db*"), home.accepted, home.releases, home.warehouse]:
        if path.exists() or path.is_symlink():
            path.rename(aside / path.name)
    for folder in (home.accepted, home.releases):
        folder.mkdir(mode=0o700)
    shutil.rmtree(home.work, ignore_errors=True)
    home.work.mkdir(mode=0o700)
    return aside.name


# keys --------------------------------------------------------------------------------------------------------------


def rotate_keys(home_dir: Path) -> dict[str, int]:
    """Make new keys for the archive, the journal and the ledger's sealed texts. A crash at any moment loses nothing.

    The identity key stays: with another one, no person_id would match any more. Existing encrypted releases keep their key,
    since they must stay byte for byte as published; later ones get a new key. Returns the numbers of files and lines done.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    home = Home.open(home_dir)
    with access.alone(home_dir):
        in_use = warehouse.keys_in_use(home.releases, seal.release_keys(home))
        files = archive.rotate(home)
        fresh = seal.add_key(home)
        lines = journal.renew(home, fresh)
        Ledger(home.ledger_url, fresh).seal_anew()
        seal.drop_old_keys(home)
        seal.renew_release_key(home, in_use)
        bookkeeping.audit(home, Ledger.of(home), "keys_renewed", {"archive": files, "journal": lines}, who=login())
    return {"archive": files, "journal": lines}


def looked(home_dir: Path, command: str, **about: str) -> None:
    """Write into the journal that the person at the keyboard looked at data about people."""
    home = Home(home_dir)
    bookkeeping.audit(home, Ledger.of(home), "looked", {"command": command, **about}, who=login())


def login() -> str:
    """The login name of the person at the keyboard."""
    import getpass  # noqa: PLC0415 - asked only where a person acts

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
