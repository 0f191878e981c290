"""The step `give_back`: writes senders' own files with marks, and the answers to filled-in lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from low_income.model import CheckError, Reading, tell_failure
from low_income.night import inbox, work_folder
from low_income.records import accepted_store, access, archive, journal, published
from low_income.records.ledger import TAKEN, Ledger, ReceivedFile, Submission
from low_income.records.ledger.parts import part_name
from low_income.settings import contracts
from low_income.settings.home import BLANKS, Home

if TYPE_CHECKING:
    import pandas as pd

    from low_income.night.decisions import Answer
    from low_income.returns import CorrectionWorkbook


CORRECTION = "更正"
"""`<name>.更正.xlsx` beside a returned copy holds only its rows with faults. Filled in and sent, it corrects the file (`corrections`)."""


SMALL_BYTES = 2_000_000
"""Files up to this size share one child process, since starting a process costs as much as marking a small file."""


def give_back(home_dir: Path, day: date, unit: str) -> int:
    """Write the marked copy of each file of one unit that came or was judged tonight; returns the number of files."""
    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    home, ledger = access.open_home(home_dir)
    with access.shared(home_dir):
        mine = ledger.submissions(unit_code=unit)
        nights = {day, *work_folder.unfinished_nights(ledger, day)}
        tonight = {
            each.file_id for each in mine if each.night in nights or work_folder.issues_path(home, each).exists()
        }
        tonight -= _marked_before(home, mine, day)
        files = {file.file_id: file for file in ledger.files(unit_code=unit) if file.file_id in tonight}
        replaced = _replaced(files, mine)
        names = [each.file_name for each in files.values() if each.file_id not in replaced or each.night == day]
        excepted = ledger.waivers(day)
        trends = _trends(issues.issues_as_of(home, [each for each in mine if each.night <= day], excepted, day))
        copies = []
        targets = []
        with ExitStack() as clear:
            for file in files.values():
                if file.file_id in replaced:
                    continue
                own = [each for each in mine if each.file_id == file.file_id]
                target = home.returns / unit / _returned_name(file.file_name, names)
                _make_room(home, target)
                told = issues_of_identical_file(home, own, mine, excepted)
                if copy := _copy_of(home, file, own, target, clear, trends, told):
                    copies.append(copy)
                targets.append(target)
            gone: dict[Path, tuple[str, str]] = {}
            others = [each.file_name for each in ledger.files(unit_code=unit) if each.file_id not in files]
            taken = {*targets, *(home.returns / unit / _returned_name(name, [name]) for name in others)}
            for file_id, by in replaced.items():
                file = files[file_id]
                for target in _copies_of(home, file, names, taken, is_new=file.night == day):
                    _make_room(home, target)
                    gone[target] = file.file_name, by
            targets += gone
            beside = [_beside(target) for target in targets]
            before = published.digests(home, beside)
            unmarked: dict[Path, str] = {}
            try:
                _tell_replaced(gone)
                unmarked = mark(copies)
            finally:
                written = published.digests(home, targets)
                written |= dict(published.digests(home, beside).items() - before.items())
                tell_returned(home, day, written, unmarked)
        for file_id in files:
            (home.work / f"{file_id}{work_folder.GIVEN_BACK}").touch(0o600)
    return len(files)


def _make_room(home: Home, target: Path) -> None:
    """Make the folders for a copy in returns/."""
    for folder in reversed([each for each in target.parents if each.is_relative_to(home.returns)]):
        folder.mkdir(exist_ok=True, mode=0o700)  # `parents=True` would leave the folders above readable by all


def _replaced(files: Mapping[str, ReceivedFile], submissions: Sequence[Submission]) -> dict[str, str]:
    """The files that later files of other names replace: file_id → the name of the last of these.

    This also holds for lists that add row by row. A file that a correction made has the base file's name with another ending,
    and its copy tells of both.
    """
    known = {each.submission_id: each for each in submissions}
    found: dict[str, str] = {}
    of_name: dict[tuple[str, str | None], list[Submission]] = {}
    for each in submissions:
        if each.kind and each.file_id in files and each.status in TAKEN:
            of_name.setdefault((part_name(each.file_name), each.kind), []).append(each)
    for same in of_name.values():
        last = max(same, key=lambda each: each.received_seq)
        found |= {
            each.file_id: last.file_name
            for each in same
            if each.file_name != last.file_name and each.night < last.night
        }
    for file_id in files:
        own = [each for each in submissions if each.file_id == file_id]
        if own and all(each.status == "superseded" for each in own):
            last = own[0]
            while last.superseded_by in known:
                last = known[last.superseded_by]
            found[file_id] = last.file_name
    return found


def _copies_of(
    home: Home, file: ReceivedFile, names: Sequence[str], taken: Collection[Path], *, is_new: bool
) -> list[Path]:
    """Paths of the copies of a replaced file: those that exist, or that must be written because it came tonight. `taken`: paths of other files."""
    folder, as_workbook = home.returns / file.unit_code, str(Path(file.file_name).with_suffix(".xlsx"))
    usual = folder / _returned_name(file.file_name, names)
    possible = [usual, folder / _returned_name(file.file_name, [file.file_name, as_workbook])]
    return [
        each for each in dict.fromkeys(possible) if each not in taken and (each.exists() or (is_new and each == usual))
    ]


def _tell_replaced(copies: Mapping[Path, tuple[str, str]]) -> None:
    """Write into each copy that its file was replaced: copy → (file name, name of the successor). Remove its correction workbook."""
    from low_income import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    for target, (file_name, by) in copies.items():
        returns.write_replaced(target, file_name, by)
        _beside(target).unlink(missing_ok=True)


def tell_returned(
    home: Home, day: date, written: Mapping[str, str | None], unmarked: Mapping[Path, str] | None = None
) -> None:
    """Write into the journal which files of returns/ the night wrote, with digests, and which of them are not marked."""
    if written:
        about = {
            "run_date": day.isoformat(),
            "outputs": dict(written),
            "unmarked": unmarked_below(home, unmarked or {}),
        }
        journal.write(home, "returned", about, who=journal.NIGHT, at=datetime.now(UTC))


def unmarked_below(home: Home, unmarked: Mapping[Path, str]) -> dict[str, str]:
    """The result of `mark`, by path below the home, as the journal holds it."""
    return {target.relative_to(home.root).as_posix(): fault for target, fault in unmarked.items()}


def _beside(target: Path) -> Path:
    """The correction workbook beside a returned copy."""
    return target.with_name(f"{target.stem}.{CORRECTION}.xlsx")


def _marked_before(home: Home, submissions: Sequence[Submission], day: date) -> set[str]:
    """Files with faults that were given back before and are no longer in work/: their copies stay. Tonight's repeats are not among them."""
    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    repeated = {each.file_id for each in submissions if each.outcome == "repeated" and each.night == day}
    return {
        each.file_id
        for each in submissions
        if issues.has_lines(home, each) and not work_folder.issues_path(home, each).exists()
    } - repeated


def issues_of_identical_file(
    home: Home, own: Sequence[Submission], mine: Sequence[Submission], excepted: Collection[str]
) -> dict[str, pd.DataFrame]:
    """file_id of an earlier file with the same bytes that still holds → its error lines, which are true of these bytes too."""
    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    # A repeat under the same name is not read again, so its kind is not known.
    again = {(each.sha256, each.kind and (each.kind, each.period)) for each in own if each.outcome == "repeated"}
    return {
        each.file_id: issues.reported_issues(home, each, excepted)
        for each in mine
        if {(each.sha256, None), (each.sha256, (each.kind, each.period))} & again
        and each.outcome != "repeated"
        and each.superseded_by is None
        and issues.has_lines(home, each)
    }


def _trends(lines: pd.DataFrame) -> Mapping[tuple[str, str], Mapping[str, int]]:
    """(kind, part name of the file) → state → how many of a unit's error lines are in it."""
    counts = Counter(zip(*(lines[name].tolist() for name in ("kind", "file_name", "state")), strict=True))
    found: dict[tuple[str, str], Counter[str]] = {}
    for (kind, name, state), count in counts.items():
        found.setdefault((kind, part_name(name)), Counter())[state] += count
    return found


_Copy = tuple[Path, str, Path, list[Any], "pd.DataFrame", "CorrectionWorkbook | None"]
"""The arguments of `returns.write`: source, name, target, summaries, issues, correction workbook."""


def _copy_of(
    home: Home,
    file: ReceivedFile,
    submissions: list[Submission],
    target: Path,
    clear: ExitStack,
    trends: Mapping[tuple[str, str], Mapping[str, int]],
    told_before: Mapping[str, pd.DataFrame],
) -> _Copy | None:
    """Gather what to write for one file; its original stays open as long as `clear` does.

    None when a receipt alone is the answer; the receipt is then written here. `trends`: see `_trends`. `told_before` is
    the result of `issues_of_identical_file`: a correction then applies to the earlier file, which still holds.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415

    from low_income import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    readings = [(each, Reading.from_json(each.reading) if each.reading else Reading(each.kind)) for each in submissions]
    refusals = [reading.refusal for _, reading in readings if reading.refusal]
    if refusals and all(reading.kind is None and not reading.comes_back for _, reading in readings):
        returns.write_receipt(target, file.file_name, refusals[0])
        return None
    kinds = contracts.load().kinds
    summaries = []
    for each, reading in readings:
        accepted = accepted_store.rows_path(home, str(each.kind), each.submission_id)
        summaries.append(
            returns.SubmissionSummary(
                kind_title=kinds[each.kind].title if each.kind else "", reading=reading, rows_read=each.rows_read,
                rows_accepted=each.rows_accepted, rows_set_aside=each.rows_set_aside,
                rows_out_of_scope=each.rows_out_of_scope, status=each.status if each.status != "read" else "held",
                reason=f"{each.reason}；其中的问题还没有改，这里再标一次" if told_before and each.outcome == "repeated" else each.reason,
                notices=reading.notices, accepted_path=accepted if each.rows_accepted else None,
                trend=trends.get((each.kind or "", part_name(file.file_name)), {}),
            )
        )  # fmt: skip
    paths = [path for each in submissions if (path := work_folder.issues_path(home, each)).exists()]
    faults = join_issues([*(pq.ParquetFile(path).read().to_pandas() for path in paths), *told_before.values()])
    asked = faults[~faults["is_excepted"].astype(bool)]
    correction_workbook = None
    if file.file_id not in told_before:  # else its rows are not here, and the earlier correction workbook stays
        correction_workbook = returns.CorrectionWorkbook(_beside(target), next(iter(told_before), file.file_id))
    return (
        clear.enter_context(archive.opened(home, file.sha256)),
        file.file_name,
        target,
        summaries,
        asked,
        correction_workbook,
    )


def mark(copies: list[_Copy]) -> dict[Path, str]:
    """Mark copies in child processes with limits, since the sender's bytes are parsed once more.

    Small files share a child process. When it dies, each file gets its own, so that only the file at fault has no marked
    copy: its answer is 问题清单 alone, and the earlier correction workbook is removed, since it is not of this file. Returns
    target → fault for copies that were not marked: the place where our own program failed, or '' when a limit was met.
    """
    from low_income import returns  # noqa: PLC0415
    from low_income.reading import layout, sandbox  # noqa: PLC0415 - brings pyarrow and the readers

    together = [copy for copy in copies if copy[0].stat().st_size <= SMALL_BYTES]
    alone = [copy for copy in copies if copy[0].stat().st_size > SMALL_BYTES]
    if together:
        limits = [layout.limits(copy[0]) for copy in together]
        memory_mb, seconds = 2 * max(memory for memory, _ in limits), 3 * sum(second for _, second in limits)
        try:
            sandbox.call(returns.write_all, together, memory_mb=memory_mb, seconds=seconds)
        except (sandbox.Killed, CheckError):
            alone += together
    unmarked: dict[Path, str] = {}
    for copy in alone:
        memory_mb, seconds = layout.limits(copy[0])
        if correction_workbook := copy[-1]:
            correction_workbook.target.unlink(missing_ok=True)
        try:
            sandbox.call(returns.write, *copy, memory_mb=2 * memory_mb, seconds=3 * seconds)
        except (sandbox.Killed, CheckError) as problem:
            _, file_name, target, summaries, issues, _ = copy
            reason = "太大或结构特殊，超过了标注的时间或内存"
            unmarked[target] = ""
            if isinstance(problem, CheckError) or problem.reason == "crash":
                reason = "标注时我们的程序出了错，不是您的文件写错了"
                unmarked[target] = tell_failure(problem) if isinstance(problem, CheckError) else problem.detail
            returns.write_list_alone(target, file_name, summaries, issues, reason)
    return unmarked


def _returned_name(name: str, names: Sequence[str]) -> Path:
    """The name of a copy: `<name>.xlsx`. When two files of a night differ only in their ending, the ending stays in the name."""
    path = Path(name)
    if path.parts[0] == BLANKS:  # a filled-in blank that was sent with its folder; the blank workbook itself stays
        path = path.with_name(f"{path.stem}.填好的{path.suffix}")
    if path.stem.endswith(f".{CORRECTION}"):  # the next correction workbook will have this same name
        return path.with_name(f"{path.stem}.回执.xlsx")
    if path.suffix.lower() == ".xlsx":
        return path
    alone = sum(Path(other).with_suffix("") == path.with_suffix("") for other in names) == 1
    return path.with_suffix(".xlsx") if alone and path.suffix else path.with_name(f"{path.name}.xlsx")


def give_back_answers(home: Home, ledger: Ledger, told: list[Answer]) -> tuple[list[Path], dict[Path, str]]:
    """Write the marked copies of filled-in lists into returns/, beside those of data files; returns (their paths, the result of `mark`)."""
    from low_income import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    copies: list[_Copy] = []
    targets = []
    with ExitStack() as clear:
        for each in told:
            unit = each.file.unit_code
            folder = f"decisions/inbox/{unit}/"
            data = {_returned_name(file.file_name, []) for file in ledger.files(unit_code=unit)}
            name = _returned_name(each.file.file_name, [each.file.file_name])
            if name in data:
                name = name.with_name(f"{name.stem}.核查登记.xlsx")
            target = home.returns / unit / name
            _make_room(home, target)
            targets.append(target)
            if each.refusal:
                returns.write_receipt(target, each.file.file_name, each.refusal, folder=folder)
            else:
                original = clear.enter_context(archive.opened(home, each.file.sha256))
                summaries = [replace(one, folder=folder) for one in each.summaries]
                copies.append((original, each.file.file_name, target, summaries, each.issues, None))
        unmarked = mark(copies)
    for each in told:
        ledger.decisions.answered(each.file.file_id)
    return targets, unmarked


def put_off(ledger: Ledger, day: date) -> dict[inbox.Sort, list[tuple[str, str]]]:
    """Files that must wait for a later night than `day`: sort (`inbox.PUT_OFF`) → (unit_code, file name), sorted."""
    found = [each for each in ledger.left(day) if each.last_on == day]
    return {
        sort: sorted((each.unit_code, each.file_name) for each in found if each.sort == sort) for sort in inbox.PUT_OFF
    }


def tell_put_off(home: Home, ledger: Ledger, day: date) -> None:
    """Write a sheet into returns/ for each unit with files that must wait for a later night."""
    from low_income import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    told: dict[str, dict[str, list[str]]] = {}
    for sort, files in put_off(ledger, day).items():
        why = inbox.PUT_OFF[sort].format(**home.settings.limits.model_dump())
        for unit, name in files:
            told.setdefault(unit, {}).setdefault(why, []).append(name)
    written = []
    try:
        for unit, names in told.items():
            if unit in home.units:
                folder = home.returns / unit
                folder.mkdir(exist_ok=True, mode=0o700)
                written.append(target := folder / f"{day.isoformat()}.还没有轮到的文件.xlsx")
                returns.write_put_off(target, names)
    finally:
        tell_returned(home, day, published.digests(home, written))


def join_issues(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the error lines of several submissions into one frame; an empty frame with the columns when there are none."""
    import pandas as pd  # noqa: PLC0415

    from low_income.checks import ISSUE_COLUMNS  # noqa: PLC0415

    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=ISSUE_COLUMNS)
