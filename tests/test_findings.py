"""What `monitor fuzz` found, each as the smallest file that shows it: refused with a reason a clerk can act on."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from low_income.generate.hostile import compound_file
from low_income.model import Refusal
from low_income.reading import readers

DIRECTORY, ENTRY = 1024, 128


@pytest.mark.parametrize("entry", [0, 1])
def test_a_folder_of_an_old_workbook_that_holds_itself(tmp_path: Path, entry: int) -> None:
    """Its listing never ends: the library calls itself until Python stops it."""
    content = bytearray(compound_file({"Workbook": b"\x09\x08\x10\x00" * 1500}))
    content[DIRECTORY + entry * ENTRY + 66] = 1  # a storage, neither root nor stream
    struct.pack_into("<I", content, DIRECTORY + entry * ENTRY + 76, entry)
    path = tmp_path / "x.xls"
    path.write_bytes(content)
    found = readers.read(path, path.name)
    assert isinstance(found, Refusal) and found.code in ("corrupt", "not_a_table") and found.fix
