"""The archive: every received file byte for byte, encrypted, under the hash of its content; closed to every rule.

A file is opened only to read it into rows, to mark its copy, or to examine the archive, and only for that time. The
format is age's (X25519, ChaCha20-Poly1305), so `age -d -i archive.key` opens a file without this program. See
docs/outputs.md (the home), docs/boundaries.md (1).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path

import pyrage

from low_income.model import ConfigError, MonitorError
from low_income.settings.home import PART, Home, atomically, read_key


class StillMoving(OSError):
    """A file changed or vanished while it was copied. It stays where it is, for a later try."""


class Unreadable(OSError):
    """A file cannot be opened, or not read to its end (rights, a broken disk or share). It stays where it is."""


def keep(home: Home, source: BufferedReader, called: str) -> tuple[str, int]:
    """Put the bytes of an open file into the archive; gives (sha256, size). The same bytes are kept once.

    `called` names the file in errors. Raises OSError when the disk is full, StillMoving when the file changes meanwhile,
    Unreadable when the file's own disk fails, ConfigError without a usable key. On an error nothing is left behind.
    """
    try:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as problem:
        raise Unreadable(problem.errno, problem.strerror) from problem
    size = source.tell()
    source.seek(0)
    target = path(home, digest)
    if not target.exists():
        make_key(home)
        recipient = _identities(home)[0].to_public()
        target.parent.mkdir(mode=0o700, exist_ok=True)
        counted = _Counting(source)
        with atomically(target, mode=0o400) as part:
            with part.open("wb") as copy:
                try:
                    pyrage.encrypt_io(counted, copy, [recipient])
                except Exception as problem:
                    if counted.problem is None:
                        raise
                    raise Unreadable(counted.problem.errno, counted.problem.strerror) from problem
            if counted.hash.hexdigest() != digest:
                raise StillMoving(f"复制时文件还在变化：{called}")
    return digest, size


class _Counting:
    """Hashes what is read through it, so that a file which changes between hashing and encrypting is noticed."""

    def __init__(self, source: BufferedReader):
        self._source = source
        self.hash = hashlib.sha256()
        self.problem: OSError | None = None
        """The error of the source, kept apart from errors of the archive's own disk."""

    def read(self, size: int = -1) -> bytes:
        try:
            block = self._source.read(size)
        except OSError as problem:
            self.problem = problem
            raise
        self.hash.update(block)
        return block


class _Written:
    """Hashes what is written through it."""

    def __init__(self, target: BufferedWriter):
        self._target = target
        self.hash = hashlib.sha256()

    def write(self, block: bytes) -> int:
        self.hash.update(block)
        return self._target.write(block)

    def flush(self) -> None:
        self._target.flush()


def drop(home: Home, sha256: str) -> None:
    """Remove a file from the archive for good. The caller writes this into the journal first."""
    path(home, sha256).unlink(missing_ok=True)


def path(home: Home, sha256: str) -> Path:
    """Where the encrypted bytes of a received file are kept."""
    return home.archive / sha256[:2] / sha256


@contextmanager
def opened(home: Home, sha256: str) -> Iterator[Path]:
    """A received file in the clear, readable by its owner only, removed when the block ends.

    It is in work/, which is emptied after each night and before the next. Raises MonitorError when the file is not in
    the archive, was changed there, or no key opens it.
    """
    home.work.mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home.work, prefix="open-"))
    try:
        clear = folder / "file"
        with clear.open("wb") as file:
            _decrypt(home, sha256, file)
        yield clear
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def verify_file(home: Home, sha256: str) -> None:
    """Whether a file opens and is what was received; nothing is written. Raises MonitorError as `opened` does."""
    with Path(os.devnull).open("wb") as nowhere:
        _decrypt(home, sha256, nowhere)


def _decrypt(home: Home, sha256: str, clear: BufferedWriter) -> None:
    kept = path(home, sha256)
    if not kept.exists():
        raise MonitorError(
            f"归档里没有文件 {sha256[:16]}…，可能已按保存期限清除；请运行 monitor verify 核对，不该缺的从备份恢复"
        )
    written = _Written(clear)
    with kept.open("rb") as file:
        source = _Counting(file)
        try:
            pyrage.decrypt_io(source, written, _identities(home))
        except (pyrage.DecryptError, OSError) as problem:
            if source.problem:
                raise source.problem from problem
            if isinstance(problem, OSError) and problem.errno is not None:
                raise  # the disk failed, not the file
            raise MonitorError(
                f"归档文件 {sha256[:16]}… 打不开：密钥不对，或文件被改动过；请运行 monitor verify 核对，从备份恢复这个文件"
            ) from None
    if written.hash.hexdigest() != sha256:
        raise MonitorError(
            f"归档文件 {sha256[:16]}… 的内容与收到时不同；请运行 monitor verify 核对，从备份恢复这个文件"
        )


def kept(home: Home) -> list[str]:
    """Hashes of all files in the archive, sorted."""
    return sorted(file.name for file in home.archive.glob("??/*") if _is_kept(home, file))


def strange(home: Home) -> list[str]:
    """Files in the archive folder that do not belong there: paths below the home, sorted, without those still being written."""
    there = (path for path in home.archive.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(
        str(path.relative_to(home.root))
        for path in there
        if not path.name.startswith(PART) and not _is_kept(home, path)
    )


def _is_kept(home: Home, file: Path) -> bool:
    return (
        _HASH.fullmatch(file.name) is not None
        and file == path(home, file.name)
        and file.is_file()
        and not file.is_symlink()
    )


_HASH = re.compile("[0-9a-f]{64}")


def rotate(home: Home) -> int:
    """Give the archive a new key: encrypt every file anew, then remove the old key; gives the number of files.

    Both keys stay until the last file is done. So a crash at any moment loses nothing, and the command can run again.
    """
    fresh = pyrage.x25519.Identity.generate()
    before = _identities(home)
    _write_key(home, [fresh, *before])
    recipient = fresh.to_public()
    done = 0
    for sha256 in kept(home):
        with opened(home, sha256) as clear, atomically(path(home, sha256), mode=0o400) as part:
            pyrage.encrypt_file(str(clear), str(part), [recipient])
        done += 1
    _write_key(home, [fresh])
    return done


def make_key(home: Home) -> bool:
    """Make the archive's key where there is none yet; whether there was none. Raises ConfigError when files are there without a key."""
    key = home.keys / "archive.key"
    if key.exists():
        return False
    if kept(home) and not key.exists():  # key and first file may have come since the first look
        raise ConfigError(f"{key}：密钥不见了；请从备份恢复，没有它归档的原始文件都打不开")
    with suppress(FileExistsError):  # two sources may be first at the same time: one key serves both
        _write_key(home, [pyrage.x25519.Identity.generate()], only_new=True)
    return True


def key_of(home: Home) -> str:
    """The public half of the key that encrypts new files. Raises ConfigError when the key is missing, unusable or open to others."""
    return str(_identities(home)[0].to_public())


def _write_key(home: Home, identities: list[pyrage.x25519.Identity], *, only_new: bool = False) -> None:
    with atomically(home.keys / "archive.key", only_new=only_new) as part:
        part.write_text("".join(f"{identity}\n" for identity in identities), encoding="ascii")


def _identities(home: Home) -> list[pyrage.x25519.Identity]:
    """The keys that open the archive; the first one encrypts new files."""
    key = home.keys / "archive.key"
    try:
        lines = read_key(key).decode("ascii").splitlines()
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (pyrage.IdentityError, UnicodeDecodeError):
        raise ConfigError(f"{key}：不是 age 的密钥（AGE-SECRET-KEY-…）；请从备份恢复") from None
    if not identities:
        raise ConfigError(f"{key}：是空的；请从备份恢复")
    return identities
