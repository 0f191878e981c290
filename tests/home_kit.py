"""Everything legible in the files of a home, however it is packed."""

from __future__ import annotations

import io
import zipfile
from contextlib import closing

import duckdb
import pyarrow.parquet as pq


def texts_of_home(home, *, but=()):
    """(place, everything legible in it) for every file of a home, whatever it is packed in."""
    for path in sorted(home.rglob("*")):
        place = path.relative_to(home)
        if path.is_symlink() or not path.is_file() or place.parts[0] in but:
            continue
        content = path.read_bytes()
        yield str(place), str(place) + "\n" + legible_in(content)
        if path.suffix == ".xlsx" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                for name in packed.namelist():
                    yield f"{place}!{name}", legible_in(packed.read(name))
        elif path.suffix == ".parquet":
            yield f"{place}!rows", str(pq.read_table(path).to_pylist())
        elif path.suffix == ".duckdb":
            with closing(duckdb.connect(str(path), read_only=True)) as con:
                for (table,) in con.execute("select table_name from duckdb_tables()").fetchall():
                    yield f"{place}!{table}", str(con.execute(f"select * from {table}").fetchall())


def legible_in(content):
    return "\n".join(content.decode(code, "replace") for code in ("utf-8", "gb18030", "utf-16-le"))
