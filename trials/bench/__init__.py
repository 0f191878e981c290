"""The measured work of docs/performance.md: whole nights against a floor, and our parts against others, as ratios.

The floor is the same files merely loaded into one DuckDB file with the fastest reader for each format: DuckDB's own CSV
reader, calamine for workbooks. Each measurement is a process of its own; medians of the rounds are reported.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from low_income.model import MonitorError
from low_income.settings.home import Home

from trials.bench import peers, steps

Step = Callable[[str, int, int], None]
NIGHT = date(2026, 10, 31)
NEXT_NIGHT = date(2026, 11, 1)
SIZES = {"S": (30_000, 3_600_000)}
"""Size → (people in registries, partner rows); docs/performance.md."""
QUICK = (1_500, 180_000)
"""The same of `measure_quick`: a twentieth of S."""
PEER_ROWS = 200_000
"""Rows of the list that is judged, and read, by others too."""
ROSTER_ROWS = 100_000
"""Rows of the workbook that is sent whole, and with three cells in ten spoilt."""
ERRORS = {"clean": ("一份名册，一格不错", 0.0), "heavy": ("同一份名册，三成的格有错", 0.3)}
MEASURED = {
    "floor": "同样的文件只装进 DuckDB（地板）",
    "night": "一整夜：读、查、退、建、发",
    "quiet": "安静的一夜：什么都没来",
}


def measure(size: str, *, rounds: int = 3, keep: Path | None = None, on_step: Step | None = None) -> dict[str, Any]:
    """Invent a bureau of a size (a name of SIZES, or a number of people), then measure floor, night and quiet night.

    `keep`: folder where the invented files stay, and are found again. Raises MonitorError for an unknown size or when
    a measured process fails.
    """
    say = on_step or (lambda name, done, total: None)
    if size not in SIZES and not size.isdecimal():
        raise MonitorError(f"没有“{size}”这个规模，可选 {'、'.join(SIZES)} 或在册人数")
    people, partner_rows = SIZES[size] if size in SIZES else (int(size), None)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=keep) as scratch:
        bureau = (keep or Path(scratch)) / f"bureau-{people}-{partner_rows or 'default'}"
        if not (bureau / "truth").exists():
            say("虚构民政局", 0, rounds)
            from low_income.generate import generate  # noqa: PLC0415 - numpy and xlsxwriter, only here

            generate(bureau, people=people, seed=1, day=NIGHT, partner_rows=partner_rows)
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in MEASURED}
        for done in range(rounds):
            home = Path(scratch) / f"home-{done}"
            for name, title in MEASURED.items():
                say(title, done, rounds)
                if name == "night":
                    _lay_out(home, bureau)
                rows[name].append(_in_a_process(name, bureau if name == "floor" else home, Path(scratch)))
            shutil.rmtree(home)
        files = [path for path in sorted((bureau / "inbox").rglob("*")) if path.is_file()]
        errors = _error_heavy(Path(scratch), rounds, say)
    told = {name: _median(measured) for name, measured in rows.items()}
    for measured in told.values():
        measured["ratio"] = measured["wall_s"] / told["floor"]["wall_s"]
        measured["cpu_ratio"] = measured["cpu_s"] / told["floor"]["cpu_s"]
    return {
        "errors": errors, "peers": peers.measure(PEER_ROWS, rounds=rounds, on_step=say),
        "size": size, "people": people, "rounds": rounds, "files": len(files),
        "bytes": sum(path.stat().st_size for path in files), "measured": told, "machine": _machine(),
    }  # fmt: skip


def measure_quick(*, on_step: Step | None = None) -> dict[str, float]:
    """Step of a night (`steps.TITLES`) → its CPU seconds, as a ratio to those of the floor, at a twentieth of size S.

    Raises MonitorError when a measured process fails.
    """
    from low_income.generate import generate  # noqa: PLC0415 - numpy and xlsxwriter, only here

    say = on_step or (lambda name, done, total: None)
    people, partner_rows = QUICK
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        scratch = Path(folder)
        bureau, home = scratch / "bureau", scratch / "home"
        say("虚构民政局", 0, 4)
        generate(bureau, people=people, seed=1, day=NIGHT, partner_rows=partner_rows)
        say(MEASURED["floor"], 1, 4)
        base = _in_a_process("floor", bureau, scratch)["cpu_s"]
        say(MEASURED["night"], 2, 4)
        _lay_out(home, bureau)
        used = _in_a_process("steps", home, scratch)
        say(MEASURED["quiet"], 3, 4)
        quiet = _in_a_process("quiet", home, scratch)["cpu_s"]
    return {step: used[step] / base for step in steps.TITLES if step in used} | {"quiet": quiet / base}


def _error_heavy(scratch: Path, rounds: int, say: Step, rows: int = ROSTER_ROWS) -> dict[str, Any]:
    """The night of one roster workbook, clean and with three cells in ten spoilt, its marked copy and correction workbook made."""
    told: dict[str, Any] = {"rows": rows}
    for name, (title, bad_cells) in ERRORS.items():
        table, book = scratch / f"{name}.parquet", scratch / f"{name}.xlsx"
        peers.make_rows(table, rows, bad_cells=bad_cells)
        peers.make_book(table, book)
        measured = []
        for done in range(rounds):
            say(title, done, rounds)
            home = scratch / f"{name}-{done}"
            Home.create(home)
            shutil.copy(book, home / "inbox" / "d01" / "低保边缘人员.xlsx")
            os.utime(home / "inbox" / "d01" / "低保边缘人员.xlsx", (0, 0))
            measured.append(_in_a_process("night", home, scratch))
            shutil.rmtree(home)
        told[name] = _median(measured)
    return told


def _median(measured: list[dict[str, float]]) -> dict[str, float]:
    return {what: statistics.median(each[what] for each in measured) for what in ("wall_s", "cpu_s", "peak_mb")}


def _lay_out(home: Path, bureau: Path) -> None:
    Home.create(home)
    shutil.copytree(bureau / "inbox", home / "inbox", dirs_exist_ok=True)


def _in_a_process(name: str, where: Path, scratch: Path) -> dict[str, float]:
    """Run one measured thing in a fresh process; wall and CPU seconds, peak memory of it and its children."""
    command = [sys.executable, "-m", "trials.bench", name, str(where), str(scratch / "floor.duckdb")]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    wall = time.perf_counter() - began
    if done.returncode:
        raise MonitorError(f"测量“{MEASURED.get(name, name)}”没有成功：{done.stderr.strip().splitlines()[-1:]}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"wall_s": wall, **told}


def usage() -> dict[str, float]:
    """CPU seconds and peak memory of this process and its children."""
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_s": mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime,
        "peak_mb": max(mine.ru_maxrss, children.ru_maxrss) / 1024,
    }


def floor(bureau: Path, target: Path) -> int:
    """Load every readable file of a bureau into one DuckDB file as text; returns rows. Damaged files are left out."""
    import duckdb  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    target.unlink(missing_ok=True)
    rows = 0
    with closing(duckdb.connect(str(target))) as con:
        for number, path in enumerate(sorted(path for path in (bureau / "inbox").rglob("*") if path.is_file())):
            for part, table in enumerate(_merely_read(path)):
                if isinstance(table, pa.Table):
                    con.register("read_now", table)
                    con.execute(f"create table t{number}_{part} as select * from read_now")
                    con.unregister("read_now")
                else:
                    con.execute(
                        f"create table t{number}_{part} as select * from "
                        "read_csv(?, all_varchar = true, quote = '\"', ignore_errors = true)",
                        [str(table)],
                    )
                counted = con.execute(f"select count(*) from t{number}_{part}").fetchall()
                rows += int(counted[0][0])
        con.execute("checkpoint")
    return rows


def _merely_read(path: Path) -> Iterator[Any]:
    """Arrow tables of a workbook's sheets, or the path of a text file as UTF-8."""
    import pyarrow as pa  # noqa: PLC0415
    import python_calamine  # noqa: PLC0415

    if path.suffix in (".csv", ".txt"):
        data = path.read_bytes()
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            path = Path(f"{tempfile.gettempdir()}/floor-{os.getpid()}.csv")
            path.write_bytes(data.decode("gb18030").encode())
            yield path
            path.unlink()
            return
        if data:
            yield path
        return
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        for name in book.sheet_names:
            cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            width = max(map(len, cells), default=0)
            columns = list(zip(*cells, strict=True)) if cells else []
            if width:
                texts = [pa.array([str(cell) for cell in column], pa.string()) for column in columns]
                yield pa.table(texts, names=[f"c{at}" for at in range(width)])
    except (python_calamine.CalamineError, OSError):
        return


def _machine() -> dict[str, str]:
    model = next(
        (line.split(":")[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor(),
    )
    memory = next((line.split()[1] for line in _lines(Path("/proc/meminfo")) if line.startswith("MemTotal")), "0")
    return {
        "cores": str(os.cpu_count()),
        "processor": model,
        "memory_gb": f"{int(memory) / 1024 / 1024:.0f}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("duckdb", "pandas", "great-expectations", "pyarrow")},
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def as_text(result: dict[str, Any]) -> str:
    """The result as a table for the terminal and for docs/performance.md (Markdown)."""
    machine = result["machine"]
    lines = [
        f"规模 {result['size']}：在册 {result['people']:,} 人，{result['files']} 个文件，{result['bytes'] / 1e6:.0f} MB；"
        f"{result['rounds']} 轮取中位数。",
        f"机器：{machine['cores']} 核 {machine['processor']}，{machine['memory_gb']} GB；Python {machine['python']}，"
        + "，".join(f"{name} {machine[name]}" for name in ("duckdb", "pandas", "great-expectations", "pyarrow")),
        "",
        "| 测量 | 用时（秒） | CPU（秒） | 峰值内存（MB） | 用时之比 | CPU 之比 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in result["measured"].items():
        lines.append(
            f"| {MEASURED[name]} | {each['wall_s']:.1f} | {each['cpu_s']:.1f} | {each['peak_mb']:.0f} "
            f"| {each['ratio']:.2f} | {each['cpu_ratio']:.2f} |"
        )
    errors = result["errors"]
    lines += ["", f"错得多的一夜（{errors['rows']:,} 行的一份工作簿，连同退回件和更正工作簿）：", "",
              "| 测量 | 用时（秒） | CPU（秒） | 峰值内存（MB） | 用时之比 | CPU 之比 |", "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name, (title, _) in ERRORS.items():
        each, clean = errors[name], errors["clean"]
        lines.append(
            f"| {title} | {each['wall_s']:.1f} | {each['cpu_s']:.1f} | {each['peak_mb']:.0f} "
            f"| {each['wall_s'] / clean['wall_s']:.2f} | {each['cpu_s'] / clean['cpu_s']:.2f} |"
        )
    return "\n".join(lines) + "\n" + peers.as_text(result["peers"])


def write_page(result: dict[str, Any], page: Path) -> None:
    """Replace the measured table of a Markdown page, between its two marks; the page's own words stay."""
    start, end = "<!-- bench -->", "<!-- /bench -->"
    text = page.read_text(encoding="utf-8") if page.exists() else f"{start}\n{end}\n"
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{start}\n{as_text(result)}\n{end}{after}", encoding="utf-8")
