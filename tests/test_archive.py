"""The archive: byte for byte, closed without the key, honest about what was changed in it, safe while its key is changed."""

import hashlib
import io
from pathlib import Path

import pyrage
import pytest
from low_income.model import ConfigError, MonitorError
from low_income.records import archive
from low_income.settings.home import Home

CONTENT = "姓名,身份证号\n某甲,990101198605010011\n".encode() * 50_000


@pytest.fixture
def home(tmp_path):
    Home.create(tmp_path / "home")
    return Home(tmp_path / "home")


def kept(home, content=CONTENT):
    return archive.keep(home, io.BufferedReader(io.BytesIO(content)), "d01/名单.csv")[0]


def test_what_comes_out_is_what_went_in_and_nothing_is_legible_inside(home):
    digest, size = archive.keep(home, io.BufferedReader(io.BytesIO(CONTENT)), "d01/名单.csv")
    assert (digest, size) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    path = archive.path(home, digest)
    assert path == home.root / "archive" / digest[:2] / digest
    assert "某甲".encode() not in path.read_bytes() and b"990101" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    with archive.opened(home, digest) as clear:
        assert clear.read_bytes() == CONTENT
        assert clear.stat().st_mode & 0o077 == 0 or clear.parent.stat().st_mode & 0o077 == 0
    assert not clear.exists()
    assert not list(home.work.iterdir())


def test_the_same_bytes_are_kept_once(home):
    before = (kept(home), archive.path(home, kept(home)).read_bytes())
    assert (kept(home), archive.path(home, before[0]).read_bytes()) == before
    assert archive.kept(home) == [before[0]]


def test_the_clear_copy_goes_even_when_reading_it_fails(home):
    digest = kept(home)
    with pytest.raises(RuntimeError), archive.opened(home, digest):
        raise RuntimeError
    assert not list(home.work.iterdir())


@pytest.mark.parametrize("at", [0, 200, -1])
def test_a_changed_byte_is_noticed(home, at):
    path = archive.path(home, kept(home))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    with pytest.raises(MonitorError, match="改动过"), archive.opened(home, path.name):
        pass


def test_a_file_put_in_anothers_place_is_noticed(home):
    one, other = kept(home), kept(home, b"other")
    archive.path(home, one).chmod(0o600)
    archive.path(home, one).write_bytes(archive.path(home, other).read_bytes())
    with pytest.raises(MonitorError, match="与收到时不同"), archive.opened(home, one):
        pass


def test_two_that_are_the_first_at_once_share_one_key(home, monkeypatch):
    """Two database sources of a new home are read at the same time; each finds no key yet."""
    honest, others = archive._write_key, []

    def late(*words, **more):
        monkeypatch.setattr(archive, "_write_key", honest)
        others.append(kept(home, b"other"))
        return honest(*words, **more)

    monkeypatch.setattr(archive, "_write_key", late)
    for digest in (kept(home), *others):
        with archive.opened(home, digest):
            pass
    assert len(archive.kept(home)) == 2


def test_another_key_opens_nothing_and_no_key_is_said(home):
    digest = kept(home)
    key = home.keys / "archive.key"
    own = key.read_text()
    key.write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(MonitorError, match="打不开"), archive.opened(home, digest):
        pass
    for broken in ("", "secret"):
        key.write_text(broken)
        with pytest.raises(ConfigError, match=r"keys/archive\.key"), archive.opened(home, digest):
            pass
    key.unlink()
    with pytest.raises(ConfigError, match="从备份恢复"):
        archive.make_key(home)
    key.write_text(own)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="0600"), archive.opened(home, digest):
        pass


def test_a_new_key_opens_all_and_the_old_one_nothing(home):
    digests = sorted(kept(home, str(n).encode()) for n in range(3))
    old = (home.keys / "archive.key").read_text()
    assert archive.rotate(home) == 3
    new = (home.keys / "archive.key").read_text()
    assert new != old and len(new.splitlines()) == 1
    with archive.opened(home, digests[0]) as clear:
        assert hashlib.sha256(clear.read_bytes()).hexdigest() == digests[0]
    (home.keys / "archive.key").write_text(old)
    with pytest.raises(MonitorError, match="打不开"), archive.opened(home, digests[0]):
        pass


def test_a_change_of_key_cut_short_loses_nothing_and_can_be_taken_up(home, monkeypatch):
    digests = sorted(kept(home, str(n).encode()) for n in range(3))
    encrypt, calls = pyrage.encrypt_file, []

    def cut(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        encrypt(*arguments)

    monkeypatch.setattr(pyrage, "encrypt_file", cut)
    with pytest.raises(KeyboardInterrupt):
        archive.rotate(home)
    for digest in digests:
        with archive.opened(home, digest) as clear:
            assert hashlib.sha256(clear.read_bytes()).hexdigest() == digest
    assert archive.rotate(home) == 3
    assert len((home.keys / "archive.key").read_text().splitlines()) == 1


def test_a_file_that_changes_while_it_is_taken_in_is_not_kept(home, tmp_path):
    moving = tmp_path / "名单.csv"
    moving.write_bytes(CONTENT)

    class Moving(io.BufferedReader):
        def seek(self, *arguments):
            moving.write_bytes(CONTENT + b"more")
            return super().seek(*arguments)

    with Moving(io.FileIO(moving)) as source, pytest.raises(OSError, match="还在变化"):
        archive.keep(home, source, "d01/名单.csv")
    assert archive.kept(home) == []
    assert [path for path in Path(home.archive).rglob("*") if path.is_file()] == []
