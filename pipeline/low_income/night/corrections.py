"""Applies a correction workbook that came back: makes a new whole file from it and the file that it is about."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path, PurePosixPath

from low_income import advice
from low_income.model import Correction, Reading, Refusal
from low_income.records import archive, journal
from low_income.records.ledger import Ledger, ReceivedFile
from low_income.records.ledger.parts import part_name
from low_income.settings.home import Home, digest_of


def apply(
    home: Home, ledger: Ledger, day: date, at: datetime, file: ReceivedFile, correction: Correction, who: str
) -> Reading:
    """Archive and record the corrected whole file, which then waits to be read. Returns the reading of the correction itself.

    `who` stands in the journal. The correction is refused when its file is not this unit's, or is no longer the last of
    its name.
    """
    own = {each.file_id: each for each in ledger.files(unit_code=file.unit_code)}
    base = own.get(correction.base_file_id)
    if base is None:
        return _refused("no_base", "这份更正表不是对本单位报送过的文件的更正", advice.CORRECT_OWN_FILE)
    name = str(PurePosixPath(base.file_name).with_suffix(".xlsx"))
    merged = _merged(home, base, Path(correction.cells_path))
    # An earlier night may have made this same file and then died; then the later file is no obstacle.
    is_done = not isinstance(merged, Refusal) and (name, digest_of(merged[0])) in {
        (each.file_name, each.sha256) for each in own.values() if each.received_seq > base.received_seq
    }
    if not is_done and (reason := _changed(ledger, base)):
        fix = advice.CORRECT_LATEST
        return _refused("base_changed", f"这份更正依据的《{base.file_name}》{reason}，没有采用", fix)
    if isinstance(merged, Refusal):
        return Reading(kind=None, refusal=merged)
    path, rows = merged
    if not rows:
        return _refused("nothing_changed", "更正表里没有任何改动", advice.CHANGE_COLOURED)
    with path.open("rb") as source:
        digest, size = archive.keep(home, source, base.file_name)
    archived = str(archive.path(home, digest).relative_to(home.root))
    about = {
        "unit_code": file.unit_code, "file_name": name, "sha256": digest, "size": size, "archived": archived,
        "night": day.isoformat(), "received_at": at.isoformat(), "refusal": None,
    }  # fmt: skip
    journal.write(home, "received", about, who=who, at=at)
    ledger.record_file(file.unit_code, name, sha256=digest, size=size, received_at=at, night=day, archived=archived)
    return Reading(
        kind=None,
        notices=[
            f"已更正《{base.file_name}》的 {rows} 行，得到改好的整份《{name}》（内容全在，原来的版式没有保留）：它的结果见退回件《{name}》"
        ],
    )


def _changed(ledger: Ledger, base: ReceivedFile) -> str:
    """Why the base file is no longer the one that holds; '' when it still is."""
    own = ledger.submissions(unit_code=base.unit_code)
    for each in own:
        same = part_name(each.file_name) == part_name(base.file_name)
        if same and each.received_seq > base.received_seq and each.status not in ("refused", "repeated"):
            return f"在 {each.night.isoformat()} 已有新的一份（又报送的，或由更正得到的）"
    is_gone = any(each.file_id == base.file_id and each.status == "superseded" for each in own)
    return "已被后来的文件代替" if is_gone else ""


def _merged(home: Home, base: ReceivedFile, cells: Path) -> tuple[Path, int] | Refusal:
    from low_income.reading import layout, sandbox  # noqa: PLC0415 - brings pyarrow and the readers
    from low_income.returns import correction as correcting  # noqa: PLC0415 - brings lxml and xlsxwriter

    target = cells.with_name("merged.xlsx")
    with archive.opened(home, base.sha256) as original:
        memory_mb, seconds = layout.limits(original)
        try:
            rows: int | Refusal = sandbox.call(
                correcting.merge, original, base.file_name, cells, target, memory_mb=2 * memory_mb, seconds=3 * seconds
            )
        except sandbox.Killed as killed:
            if killed.reason == "crash":
                reason = "合成更正时我们的程序出了问题，已告知数据员，不能说明您填错了"
                return Refusal(killed.reason, reason, advice.MEND_ORIGINAL, fault=killed.detail)
            return Refusal(killed.reason, "原文件太大，不能用更正表", advice.MEND_ORIGINAL)
    return rows if isinstance(rows, Refusal) else (target, rows)


def _refused(code: str, reason: str, fix: str) -> Reading:
    return Reading(kind=None, refusal=Refusal(code, reason, fix))
