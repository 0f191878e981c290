"""The search for files that the reader does not survive: it spoils, it notices, it repeats itself exactly."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from low_income import cli
from low_income.generate import programs
from low_income.model import ConfigError, Refusal
from low_income.reading import layout
from low_income.returns import pictures

from tests.damage_kit import one_column, person_number, sheet
from trials import fuzz

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rows = one_column("dibao_person", "monthly_income_fen", ["900", 800, "/"])
    sheet(folder / "人员.xlsx", rows)
    text = "\n".join(",".join(str(cell) for cell in row) for row in rows)
    (folder / "人员.csv").write_bytes(text.encode("gb18030"))
    return folder


def test_spoilt_files_end_in_order_and_the_same_seed_tries_the_same(tmp_path: Path, corpus: Path) -> None:
    first, second = (fuzz.search(5, seed=7, corpus=corpus, keep=tmp_path / "kept", most=60) for _ in range(2))
    assert first["findings"] == [] and not (tmp_path / "kept").exists()
    assert first["outcomes"] == second["outcomes"] and first["files"] == 60
    assert len(first["outcomes"]) >= 4 and first["outcomes"]["read"] + first["outcomes"].get("judged", 0) >= 3


def test_a_fault_of_ours_is_found_and_its_file_kept(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = layout.read_file

    def faulty(path: Path, *rest: Any, **more: Any) -> Any:
        if path.read_bytes().startswith(b"PK"):
            raise ValueError("not to be shown")
        return honest(path, *rest, **more)

    monkeypatch.setattr(layout, "read_file", faulty)
    monkeypatch.setattr(fuzz, "PROGRAMS_EVERY", 10**9)
    told = fuzz.search(5, seed=1, corpus=corpus, keep=tmp_path / "kept", most=20)
    (finding,) = told["findings"]
    assert finding["fault"].startswith("ValueError") and "not to be shown" not in json.dumps(told)
    assert (tmp_path / "kept" / finding["file"]).read_bytes().startswith(b"PK")


def test_an_empty_corpus_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        fuzz.search(1, corpus=tmp_path, keep=tmp_path / "kept")


def test_the_command_is_there_but_not_in_the_short_help(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys,
        "argv",
        ["monitor", "fuzz", "--minutes", "1", "--files", "5", "--corpus", str(corpus), "--keep", str(tmp_path)],
    )
    cli.main()
    assert "弄坏了 5 个" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["monitor", "--help"])
    cli.main()
    assert "fuzz" not in capsys.readouterr().out


def test_where_the_trials_are_not_installed_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name="trials")

    monkeypatch.setattr("importlib.import_module", missing)
    monkeypatch.setattr(sys, "argv", ["monitor", "fuzz", "--minutes", "1"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1 and "这个命令是开发用的，安装包里没有" in said and "Traceback" not in said


# good lists as other programs write them -----------------------------------------------------------------------------

GRANTS = programs.Lines(
    [["临时救助台账", *[""] * 9]],
    ["申请编号", "申请人姓名", "申请人身份证号", "救助类型", "困难类型", "受理日期", "发放日期", "救助金额", "处理结果", "居住地"],
    [
        [
            f"GK{n:05}", f"某{'甲乙丙丁戊己庚辛壬癸'[n]}", person_number(n), "支出型", "疾病", "2026-10-05",
            *(["2026-10-20", "1200", "同意"] if n % 2 else ["", "", "办理中"] if n % 3 else ["", "/", ""]),
            f"样例路{n}号" if n % 3 else "",
        ]
        for n in range(10)
    ],
)  # fmt: skip
STEM = "临时救助台账2026年10月"


@pytest.fixture(scope="module")
def good() -> Any:
    judged = fuzz.judge_good(STEM, GRANTS)
    assert [(kind, read, len(rows)) for kind, (_, read, rows) in judged.lists.items()] == [("temporary_grant", 10, 10)]
    return judged


@pytest.mark.parametrize("kind", sorted(programs.PROGRAMS))
def test_a_good_list_is_read_with_its_own_values_or_refused_whoever_wrote_it(
    tmp_path: Path, good: Any, kind: str
) -> None:
    written = programs.PROGRAMS[kind](random.Random(3), GRANTS)
    assert written == programs.PROGRAMS[kind](random.Random(3), GRANTS)
    path = tmp_path / f"x{written.suffix}"
    path.write_bytes(written.data)
    outcome, fault = fuzz.compare(path, f"{STEM}{written.suffix}", written, good, kind)
    assert fault is None and outcome


def test_a_photograph_that_goes_back_is_noticed(tmp_path: Path, good: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "without_gone", lambda drawing, *_: (drawing, {"rId1"}))
    written = programs.PROGRAMS["photographs"](random.Random(3), GRANTS)
    (tmp_path / "x.xlsx").write_bytes(written.data)
    outcome, fault = fuzz.compare(tmp_path / "x.xlsx", f"{STEM}.xlsx", written, good, "photographs")
    assert (outcome, fault) == ("temporary_grant", "photographs: what is never received goes back")


def test_what_the_list_does_not_hold_is_noticed(good: Any) -> None:
    period, read, rows = good.lists["temporary_grant"]

    def told(count: int = read, keeps: bool = True, **cells: Any) -> str | None:
        changed = [rows[0] | cells, *rows[1:]]
        return fuzz.wrong(replace(good, lists={"temporary_grant": (period, count, changed)}), good, keeps)

    assert told() is None and told(amount_fen=None, current_address=None) is None
    assert told(current_address="样例路8号8") == "another value (current_address)"
    assert told(id_number=person_number(77)) == "somebody invented"
    assert told(read + 1) == "rows invented"
    assert told(read - 1) == "rows lost unsaid" and told(read - 1, keeps=False) is None
    assert fuzz.wrong(replace(good, lists={"dibao_person": (None, 1, [])}), good, True) == "another kind (dibao_person)"
    assert fuzz.wrong(replace(good, lists={"temporary_grant": ("2026-09", read, rows)}), good, True) == "another month"
    assert fuzz.wrong(replace(good, is_balanced=False), good, True) == "unbalanced"
    ours = Refusal("unreadable", "读取中断（PanicException readers.py:202）", "请重新提交")
    assert str(fuzz.wrong(replace(good, refused=[(None, ours)]), good, True)).startswith("words of ours")


def test_the_search_tries_lists_as_other_programs_write_them(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forged(rng: random.Random, lines: programs.Lines) -> programs.Written:
        cells = [[*row[:-1], f"{row[-1]}8"] for row in lines.rows]
        return programs.plain(replace(lines, rows=cells))

    monkeypatch.setattr(programs, "PROGRAMS", {"forged": forged})
    monkeypatch.setattr(fuzz, "PROGRAMS_EVERY", 1)
    told = fuzz.search(5, seed=1, corpus=corpus, keep=tmp_path / "kept", most=2)
    assert [finding["fault"].partition(" (")[0] for finding in told["findings"]] == ["forged: another value"]
