"""The search for files that the reader does not survive: it spoils, it notices, it repeats itself exactly."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli, fuzz
from pipeline.model import ConfigError
from pipeline.reading import layout
from tests.damage_kit import one_column, sheet

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
