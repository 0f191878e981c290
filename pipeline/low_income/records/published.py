"""Compares what is published on the disk with the journal: releases, the current link, workbooks, letters, settings, nights.

The journal tells each publication before it is done (`published`, with its number and the releases that it retires) and
after it (`released`). It tells each copy, list and letter by its digest (`outputs`; None for one that was removed), each
night's settings, and how the night ended (`finished`). `compare` compares the home with these lines. What no line ever
told cannot be examined: `compare` says so as a note, and it is no damage. See docs/bad_input.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePath
from typing import Any

from low_income.records import journal
from low_income.records.journal import Entry
from low_income.records.ledger import Ledger
from low_income.settings.home import PART, Home, digest_of

Files = dict[str, str]
"""Path → SHA-256."""
Step = Callable[[str, int, int], None]


# what is written into the journal ------------------------------------------------------------------------------------


def on_begin(home: Home, entries: Iterable[Entry]) -> dict[str, Any]:
    """What the line `night` tells: digests of monitor.yml and policy/ as they are read.

    The first night that tells them also tells all workbooks and letters that it finds: earlier versions told none.
    """
    told: dict[str, Any] = {"settings": settings_of(home)}
    if not any("settings" in entry.about for entry in entries):
        told["found"] = {name: digest_of(home.root / name) for name in _outputs_there(home)}
    return told


def settings_of(home: Home) -> Files:
    """Path below the home → digest, of what people set: monitor.yml and all of policy/."""
    paths = [home.config, *(path for path in sorted(home.policy_folder.rglob("*")) if path.is_file())]
    return {_named(home, path): digest_of(path) for path in paths}


def digests(home: Home, paths: Iterable[Path]) -> dict[str, str | None]:
    """Path below the home → its digest; None for a file that is not there."""
    return {_named(home, path): digest_of(path) if path.exists() else None for path in sorted(paths)}


def unmarked(home: Home, day: date) -> dict[str, str]:
    """Copies of a night that our program failed to mark, by the last line about each: path below the home → where it failed."""
    found: dict[str, str] = {}
    for entry in journal.lines_of(home, ("returned", "published")):
        if entry.about.get("run_date") == day.isoformat():
            found = {name: fault for name, fault in found.items() if name not in entry.about.get("outputs", {})}
            found |= entry.about.get("unmarked", {})
    return found


def files_of(release: Path) -> Files:
    """Path within one release → digest, of all its files; '' for a link, whatever it leads to."""
    paths = sorted(path for path in release.rglob("*") if path.is_symlink() or path.is_file())
    return {path.relative_to(release).as_posix(): _digest_of_file(path) for path in paths}


def nights_of(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Night → its state and counts, as the ledger has them."""
    return {each.run_date.isoformat(): {"state": each.state, "counts": each.counts} for each in ledger.nights()}


def _digest_of_file(path: Path) -> str:
    return "" if path.is_symlink() else digest_of(path)


def _named(home: Home, path: Path) -> str:
    return path.relative_to(home.root).as_posix()


def _outputs_there(home: Home) -> list[str]:
    """Paths of the workbooks and letters that are there, without those still being written; sorted."""
    return sorted(
        _named(home, path)
        for folder in (home.returns, home.lists, home.outbox)
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and not path.name.startswith(PART)
    )


# what the journal tells ------------------------------------------------------------------------------------------------


_RETURNS = "returns/"


def _lists_of(night: str) -> str:
    return f"lists/{night}/"


def _letters_of(night: str) -> str:
    return f"outbox/{night}."


@dataclass
class _Pending:
    """A publication that was told and not yet confirmed. If it was cut off, it may be done in part."""

    number: int
    becomes_current: bool
    retired: set[int]


@dataclass
class Published:
    """What the home should contain, by the journal's lines so far."""

    releases: dict[int, Files] = field(default_factory=dict)
    """Number → files, of every release since the numbers last began with 1."""
    kept: set[int] = field(default_factory=set)
    laid_aside: set[int] = field(default_factory=set)
    current: int | None = None
    pending: _Pending | None = None
    unnumbered: list[Files] = field(default_factory=list)
    """Releases of earlier versions of the program, which did not tell their numbers."""
    is_recovering: bool = False
    outputs: dict[str, str | None] = field(default_factory=dict)
    tells_outputs: bool = False
    """Whether every workbook and letter was told; then any other one was not written by a night."""
    settings: Files | None = None
    settings_of: str = ""
    """The night that read the settings; '' for a recovery."""
    nights: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    """Night → its state and counts; None where no line told them."""
    ended: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Night → state and counts with which each of its runs ended."""
    last_night: str = ""
    untold: set[str] = field(default_factory=set)
    """Path prefixes of outputs that a run may have written without telling them, since it was cut off."""

    def take(self, entry: Entry) -> None:
        """Apply one line of the journal."""
        about = entry.about
        match entry.what:
            case "night":
                self._begin(about)
            case "finished":
                if about["run_date"] in self.nights:  # else the night did not begin, and its letter only said so
                    how = {"state": about["state"], "counts": about["counts"]}
                    self.nights[about["run_date"]] = how
                    self.ended.setdefault(about["run_date"], []).append(how)
                    self.untold.discard(_letters_of(about["run_date"]))
                    self.untold -= {_RETURNS} if about["state"] == "done" else set()
            case "published":
                self._publish(about)
            case "released":
                self._place()
            case "rolled_back":
                self._roll_back(about)
            case "recovering":
                self.releases, self.kept, self.laid_aside = {}, set(), set()
                self.current, self.pending, self.unnumbered = None, None, []
                self.is_recovering = True
            case "recovered":
                self.is_recovering = False
                self.nights = dict(about["states"]) if "states" in about else dict.fromkeys(self.nights)
                self._read_settings(about, "")
        self._take_outputs(about.get("outputs", {}))
        for name, files in about.get("releases", {}).items():
            self._rewrite(int(name), files)

    def _take_outputs(self, told: Mapping[str, str | None] | Sequence[str] | int) -> None:
        """Apply `outputs`: digests of written files by path, a list of removed files and folders, or (earlier versions) a count.

        A count above 0 means that all of them were removed.
        """
        match told:
            case Mapping():
                self.outputs |= told
            case int():
                self.outputs = {} if told else self.outputs
            case _:
                gone = [name for name in self.outputs if any(PurePath(name).is_relative_to(each) for each in told)]
                self.outputs |= dict.fromkeys(gone)

    def _begin(self, about: Mapping[str, Any]) -> None:
        self.last_night = about["run_date"]
        self.nights[self.last_night] = {"state": "running", "counts": {}} if "settings" in about else None
        self._read_settings(about, self.last_night)
        if "found" in about:
            self.tells_outputs = True
            self.outputs = about["found"] | self.outputs  # what lines before told holds
            self.untold = set()
        self.untold |= {_RETURNS, _lists_of(self.last_night), _letters_of(self.last_night)}

    def _read_settings(self, about: Mapping[str, Any], night: str) -> None:
        if "settings" in about:
            self.settings, self.settings_of = about["settings"], night

    def _publish(self, about: Mapping[str, Any]) -> None:
        self.untold.discard(_lists_of(about["run_date"]))
        if "release" not in about:
            self.unnumbered.append(about["files"])
            self.outputs |= about.get("lists", {})
            self.current = None
            return
        number = int(about["release"])
        if self.pending and number > self.pending.number:  # the pending one took its number before it was cut off
            self._place()
        self.releases[number] = about["files"]
        self.pending = _Pending(number, about["becomes_current"], set(about["retired"]))

    def _place(self) -> None:
        if self.pending:
            self.kept = (self.kept | {self.pending.number}) - self.pending.retired
            if self.pending.becomes_current:
                self.current = self.pending.number
            self.pending = None

    def _roll_back(self, about: Mapping[str, Any]) -> None:
        aside = set(about["laid_aside"])
        if self.pending and self.pending.number in {*aside, about["to"]}:
            self._place()
        self.pending = None
        self.current = about["to"]
        self.laid_aside |= aside & set(self.releases)
        self.kept -= aside

    def _rewrite(self, number: int, files: Files | None) -> None:
        """Apply `releases`: a kept release was written anew, perhaps under a new number, or it was removed (None)."""
        if files is None:
            self.kept.discard(number)
            self.laid_aside.discard(number)
            self.releases.pop(number, None)
        else:
            self.releases[number] = files
            self.kept |= {number} - self.laid_aside


def replay(entries: Iterable[Entry]) -> Published:
    """What the home should contain after these lines."""
    told = Published()
    for entry in entries:
        told.take(entry)
    return told


# what is there -----------------------------------------------------------------------------------------------------------


@dataclass
class Compared:
    """What was changed, removed or added since the journal told it, and what cannot be examined; sentences in Chinese."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    releases: int = 0
    """How many releases were examined."""
    sound: list[str] = field(default_factory=list)
    """Names of the releases that are as the journal tells."""
    outputs: int = 0


def compare(home: Home, ledger: Ledger, entries: Sequence[Entry], say: Step) -> Compared:
    """Compare releases, outputs, settings and nights with the journal. `say`: called with (step, done, of how many)."""
    told, found = replay(entries), Compared()
    if told.is_recovering:
        found.problems.append("monitor recover 没有做完：请再运行一次")
        return found
    _compare_releases(home, told, found, say)
    _compare_link(home, told, found)
    _compare_outputs(home, told, found)
    found.problems += [*_settings_changed(home, told), *_nights_changed(ledger, told)]
    if not told.tells_outputs and any("run_date" in each.about for each in entries):
        found.notes.append(
            "早先版本的程序没有把退回件、信、政策值和 monitor.yml 记进日志：这些现在无法核对，下一夜起登记"
        )
    return found


_NUMBER = re.compile("[1-9][0-9]*")


def _compare_releases(home: Home, told: Published, found: Compared, say: Step) -> None:
    there = [
        path
        for path in (sorted(home.releases.iterdir()) if home.releases.exists() else [])
        if not path.name.startswith(PART)
    ]
    unfinished = told.pending.retired | {told.pending.number} if told.pending else set()
    unnumbered = []
    found.releases = sum(path.is_dir() for path in there)
    for done, path in enumerate(there):
        say("核对发布的数据", done, len(there))
        stem, _, ending = path.name.partition(".")
        number = int(stem) if _NUMBER.fullmatch(stem) and ending in ("", "laid_aside") else None
        if path.is_symlink():
            found.problems.append(f"releases/{path.name}：是链接，不是发布的数据")
            continue
        should_be = told.laid_aside if ending else told.kept | unfinished
        files = files_of(path)
        if number is not None and number in should_be and number in told.releases:
            changed = _changed(path.name, files, told.releases, number)
            found.problems += changed
            found.sound += [] if changed else [path.name]
        elif number is not None and number not in told.releases and files in told.unnumbered:
            unnumbered.append(path.name)
            found.sound.append(path.name)
        else:
            found.problems += _strange(path.name, files, told)
    names = {path.name for path in there}
    missing = told.kept - unfinished - {number for number in told.kept if str(number) in names}
    found.problems += [f"releases/{number}：不见了" for number in sorted(missing)]
    if unnumbered and told.releases:
        found.notes.append(f"releases/ 里的 {'、'.join(unnumbered)} 是早先版本的程序发布的，没有记下编号：只核对了内容")


def _changed(name: str, files: Files, releases: Mapping[int, Files], number: int) -> list[str]:
    own = releases[number]
    if files == own:
        return []
    other = next((each for each, theirs in releases.items() if theirs == files), None)
    if other is not None:
        return [f"releases/{name}：里面是第 {other} 版的内容"]
    return [
        f"releases/{name}/{each}：与发布时不同" for each in sorted({*files, *own}) if files.get(each) != own.get(each)
    ]


def _strange(name: str, files: Files, told: Published) -> list[str]:
    """Problems of a release that should not be there, or of one without a told number that was changed."""
    if _NUMBER.fullmatch(name) and int(name) in told.laid_aside:
        return [f"releases/{name}：已退回到更早的一版，这一版应当搁置；请再运行一次 monitor rollback {told.current}"]
    if _NUMBER.fullmatch(name) and int(name) in told.releases:
        return [f"releases/{name}：早已不再保存的一版，被放了回来"]
    nearest = max(told.unnumbered, key=lambda each: len(set(each.items()) & set(files.items())), default={})
    if not set(nearest.items()) & set(files.items()):
        return [f"releases/{name}：没有发布过"]
    changed = sorted(each for each in {*files, *nearest} if files.get(each) != nearest.get(each))
    return [f"releases/{name}/{each}：与发布时不同" for each in changed] or [f"releases/{name}：没有发布过"]


def _compare_link(home: Home, told: Published, found: Compared) -> None:
    link, releases = home.warehouse, home.releases.resolve()
    should_be = {told.current} - {None}
    if told.pending:
        found.notes.append(f"第 {told.pending.number} 版的发布没有做完（那一夜断了）：用同一日期再跑一次，会接着处理")
        should_be |= {told.pending.number} if told.pending.becomes_current else set()
    if not link.is_symlink():
        if link.exists():
            found.problems.append("warehouse.duckdb：不是指向 releases/ 的链接，被换过")
        elif told.current is not None or (told.unnumbered and not told.pending):
            found.problems.append("warehouse.duckdb：不见了")
        return
    target = link.resolve()
    if target.name != "warehouse.duckdb" or target.parent.parent != releases or not target.exists():
        found.problems.append("warehouse.duckdb：没有指向任何一版保留的数据")
    elif should_be and target.parent.name not in {str(number) for number in should_be}:
        found.problems.append(f"warehouse.duckdb：指向 releases/{target.parent.name}，应当指向 releases/{told.current}")


_LETTER = re.compile(r"outbox/[0-9]{4}-[0-9]{2}-[0-9]{2}\.md")


def _compare_outputs(home: Home, told: Published, found: Compared) -> None:
    there = set(_outputs_there(home))
    found.outputs = len(there)
    taken = 0
    for name in sorted({*there, *told.outputs}):
        digest, is_there = told.outputs.get(name), name in there
        said = ""
        if is_there and name in told.outputs and digest is None:
            said = f"{name}：已清除的一份，还在（或放了回来）"
        elif is_there and digest is None:
            said = f"{name}：不是夜间任务写的" if told.tells_outputs else ""
            if said and _LETTER.fullmatch(name) and Path(name).stem not in told.nights:
                found.notes.append(f"{name}：那一夜没有开始，信没有登记")
                continue
        elif is_there and _digest_of_file(home.root / name) != digest:
            said = f"{name}：与写出时不同"
        elif not is_there and digest and name.startswith(_RETURNS):
            taken += 1
        elif not is_there and digest:
            said = f"{name}：不见了"
        if said and name.startswith(tuple(told.untold)):
            found.notes.append(f"{said}（写它的那一夜没有做完，说不准；再跑一夜就核对得出）")
        elif said:
            found.problems.append(said)
    if taken:
        found.notes.append(f"退回件有 {taken} 份已不在 {_RETURNS}（取走了），没有核对")


def _settings_changed(home: Home, told: Published) -> Iterator[str]:
    if told.settings is None:
        return
    now = settings_of(home)
    since = f"{told.settings_of} 夜里" if told.settings_of else "重建运行记录库时"
    for name in sorted({*now, *told.settings}):
        if now.get(name) != told.settings.get(name):
            yield f"{name}：与{since}读到的不同。是您自己改的，再跑一夜就记下了；不是，请从备份恢复"


_STATES = {"running": "没有做完", "done": "做完了", "failed": "有步骤没有成功"}


def _nights_changed(ledger: Ledger, told: Published) -> Iterator[str]:
    held = nights_of(ledger)
    for night in sorted({*held, *told.nights}):
        if night not in told.nights:
            yield f"运行记录库里多出 {night} 这一夜，日志里没有"
            continue
        how, now = told.nights[night], held.get(night)
        if how is None or now == how:
            continue
        if how["state"] == "running" and (now in (None, *told.ended.get(night, [])) and night == told.last_night):
            continue  # cut off between the journal's line and the ledger's row
        if now is None:
            yield f"运行记录库里少了 {night} 这一夜"
        elif now["state"] != how["state"]:
            yield f"运行记录库里 {night} 这一夜是“{_STATES[now['state']]}”，日志里是“{_STATES[how['state']]}”"
        else:
            yield f"运行记录库里 {night} 这一夜的份数与日志里不同"
