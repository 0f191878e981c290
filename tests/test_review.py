"""The page: who gets in, who sees which rows, that what it shows is what the release says, and that looking leaves a line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from datetime import date
from html import unescape
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from low_income.cli import monitor
from low_income.model import ConfigError, holds_number
from low_income.operate import rights
from low_income.records import journal
from low_income.review import files, morning, queue
from low_income.review.app import make_app
from low_income.review.people import LocalDoor, reviewer_of
from low_income.review.release import opened
from low_income.settings.home import Home

from tests.night_kit import DAY, ask, copy_home, night_of_the_bureau

pytestmark = pytest.mark.slow

PLACES = ("/", "/queue", "/households/{household}", "/files", "/returned/d01/{key}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after the bureau's night; what is looked at here is written into its journal."""
    return copy_home(night_of_the_bureau(tmp_path_factory), tmp_path_factory.mktemp("review") / "home")


def visitor(home: Path, unit: str | None = None, *, name: str = "王敏") -> TestClient:
    """A browser that came in by its link, for somebody of a unit; of the bureau when None."""
    door = LocalDoor(reviewer_of(Home(home), name, unit))
    client = TestClient(make_app(home, door), base_url="http://127.0.0.1", follow_redirects=False)
    assert client.get(f"/enter/{door.ticket}").status_code == 303
    return client


def text_of(page: str) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", page))


def looked(home: Path) -> list[dict[str, str]]:
    return [entry.about for entry in journal.read(Home(home)) if entry.what == "looked"]


def household_of(home: Path, division: str) -> str:
    query = "select household_id from household_warning where division_code = ? order by household_id limit 1"
    return str(ask(home, query, division)[0][0])


def listed_divisions(home: Path) -> list[str]:
    return [
        code
        for (code,) in ask(
            home, "select distinct division_code from household_warning where division_code <> 'bureau' order by all"
        )
    ]


def walk(client: TestClient, query: str = "") -> list[str]:
    """Households of the queue in its order, page after page."""
    found: list[str] = []
    address: str | None = f"/queue{query}"
    while address:
        page = client.get(address).text
        found += re.findall(r'href="/households/([0-9a-f]+)', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = unescape(following[1]) if following else None
    return found


# Who gets in ---------------------------------------------------------------------------------------------------------


def test_nobody_gets_in_without_the_link_and_it_works_once(home):
    door = LocalDoor(reviewer_of(Home(home), "王敏", None))
    app = make_app(home, door)
    stranger = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    household = household_of(home, listed_divisions(home)[0])
    before = looked(home)
    for place in PLACES:
        answer = stranger.get(place.format(household=household, key="0" * 20))
        assert answer.status_code == 401, place
        assert "没有登录" in answer.text
    assert stranger.get("/enter/wrong").status_code == 401
    stranger.cookies.set("monitor_review_80", "wrong")
    assert stranger.get("/queue").status_code == 401
    first, second = (TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) for _ in range(2))
    assert first.get(f"/enter/{door.ticket}").status_code == 303
    assert second.get(f"/enter/{door.ticket}").status_code == 401
    assert [client.get("/queue").status_code for client in (first, second)] == [200, 401]
    assert first.get(f"/enter/{door.ticket}").headers["location"] == "/"  # he is in already
    assert looked(home) == before  # nobody saw a household


def test_the_session_is_out_of_reach_of_scripts_and_other_sites(home):
    door = LocalDoor(reviewer_of(Home(home), "王敏", None))
    client = TestClient(make_app(home, door), base_url="http://127.0.0.1", follow_redirects=False)
    cookie = client.get(f"/enter/{door.ticket}").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_every_answer_forbids_scripts_frames_and_keeping(home):
    client = visitor(home)
    for place in ("/", "/queue", "/files", "/nowhere", "/enter/wrong"):
        headers = client.get(place).headers
        assert headers["content-security-policy"].startswith("default-src 'none';"), place
        assert "script-src" not in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    style = client.get("/static/page.css")
    assert style.status_code == 200
    assert style.headers["content-type"].startswith("text/css")


def test_the_description_of_the_addresses_is_closed_and_nothing_can_be_sent(home):
    client = visitor(home)
    for place in ("/openapi.json", "/docs", "/redoc", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert client.get(place).status_code == 404, place
    for place in ("/", "/queue", "/files"):
        assert client.post(place).status_code == 405


def test_a_name_that_was_made_to_point_here_is_refused(home):
    client = visitor(home)
    assert client.get("/queue", headers={"host": "localhost"}).status_code == 200
    assert client.get("/queue", headers={"host": "127.0.0.1:8070"}).status_code == 401  # the session of another port
    answer = client.get("/queue", headers={"host": "list.example.com"})
    assert answer.status_code == 400
    assert "请用终端里给出的网址" in answer.text


# The queue -----------------------------------------------------------------------------------------------------------


def test_the_queue_holds_each_household_once_the_most_urgent_first(home, monkeypatch):
    monkeypatch.setattr(queue, "PAGE_ROWS", 7)
    client = visitor(home)
    expected = ask(
        home,
        "select household_id from household_warning inner join (select household_id, min(due_on) as due_on from warning_list"
        " group by all) using (household_id)"
        " order by list_position(['red', 'orange', 'yellow', 'blue'], level), due_on, household_id",
    )
    assert walk(client) == [household for (household,) in expected]
    assert len(expected) > 7
    assert f"第 1–7 户，共 {len(expected)} 户" in client.get("/queue").text
    beyond = client.get("/queue?page=9999").text
    assert f"–{len(expected)} 户，共 {len(expected)} 户" in beyond
    assert 'rel="next"' not in beyond


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("level=red", "level = 'red'"),
        ("level=orange&change=new", "level = 'orange' and change = 'new'"),
        ("change=worse", "change = 'worse'"),
        ("rule=A01", "contains(codes, 'A01')"),
        ("colour=赤", "colour = '赤'"),
        ("due=overdue", "household_id in (select household_id from warning_list where is_overdue)"),
        ("due=later", "household_id not in (select household_id from warning_list where due_on <= run_date)"),
        ("status=verifying", "household_id in (select household_id from warning_list where status = 'verifying')"),
    ],
)
def test_a_filter_in_the_address_gives_what_the_release_says_and_the_counter_agrees(home, query, condition):
    expected = {
        household for (household,) in ask(home, f"select household_id from household_warning where {condition}")
    }
    client = visitor(home)
    assert set(walk(client, f"?{query}")) == expected
    total = re.search(r"共 (\d+) 户|>(0) 户", client.get(f"/queue?{query}").text)
    assert total
    assert int(total[1] or total[2]) == len(expected)


def test_division_township_and_words_narrow_the_queue(home):
    client = visitor(home)
    division, township, household, name = ask(
        home,
        "select division_code, township, household_id, head_name from household_warning where township is not null"
        " order by household_id limit 1",
    )[0]
    found = walk(client, f"?division={division}&township={township}")
    assert set(found) == {
        each for (each,) in ask(
            home, "select household_id from household_warning where division_code = ? and township = ?", division, township
        )
    }  # fmt: skip
    assert household in walk(client, f"?words={name}")
    assert walk(client, f"?words={household[:12]}") == [household]
    [warning] = ask(home, "select warning_id from warning_list where household_id = ? limit 1", household)[0]
    assert walk(client, f"?words={warning[:12]}") == [household]
    assert walk(client, "?words=没有这样的人") == []


def test_a_word_of_the_address_that_means_nothing_is_said_and_left_out(home):
    client = visitor(home)
    page = client.get("/queue?level=purple&division=d99&page=x").text
    assert "“级别”里没有“purple”，没有按它筛选" in text_of(page)
    assert "“单位”里没有“d99”，没有按它筛选" in text_of(page)
    assert walk(client, "?level=purple") == walk(client)


def test_what_has_nothing_tonight_gives_nothing_and_not_everything(home):
    client = visitor(home)
    for query in ("township=没有这个镇", "rule=Z99"):
        page = client.get(f"/queue?{query}").text
        assert "没有符合筛选的家庭" in page, query
        assert 'role="alert"' not in page


def test_an_id_number_is_not_searched_for_since_addresses_are_kept(home):
    page = visitor(home).get("/queue?words=990101198605011237").text
    assert "身份证号不写在这里" in page
    assert "990101198605011237" not in page


def test_what_stands_in_an_address_is_text_and_never_markup(home):
    page = visitor(home).get("/queue", params={"words": '"><script>alert(1)</script>', "level": "<b>x</b>"}).text
    assert "<script" not in page
    assert "<b>x</b>" not in page
    assert "&lt;script&gt;" in page


# One file per household ----------------------------------------------------------------------------------------------


def test_a_household_shows_its_warnings_with_the_cells_they_rest_on_and_leaves_a_line(home):
    client = visitor(home)
    household = walk(client)[0]
    before = len(looked(home))
    page = text_of(client.get(f"/households/{household}").text)
    for warning_id, reason, caveat in ask(
        home, "select warning_id, reason, caveat from warning where household_id = ?", household
    ):
        assert warning_id in page
        assert caveat in page
        assert reason in page or holds_number(reason)
    for (name,) in ask(
        home,
        "select name from person inner join household_member using (person_id) where household_member.household_id = ?",
        household,
    ):
        assert name in page
    assert re.search(r"第\d+行[A-Z]+列，列名“", page)
    assert looked(home)[before:] == [{"command": "review", "household_id": household}]


def test_who_opened_the_household_is_told_to_each_of_its_people(home):
    client = visitor(home)
    household, number = ask(
        home,
        "select person.household_id, id_number from person inner join household_warning using (household_id)"
        " where id_number is not null order by all limit 1",
    )[0]
    stranger = ask(
        home,
        "select id_number from person where id_number is not null and household_id <> ? order by all limit 1",
        household,
    )[0][0]

    def told(id_number: str) -> int:
        held = rights.subject(home, id_number, DAY, who="王敏", because="本人来问")
        return sum(line["做了什么"] == "在网页上查看一户一档" for line in held["looked"])

    before = told(number), told(stranger)
    client.get(f"/households/{household}")
    assert (told(number), told(stranger)) == (before[0] + 1, before[1])


def test_from_one_household_to_the_next_in_the_order_of_the_filtered_queue(home):
    client = visitor(home)
    order = walk(client, "?level=orange")
    assert len(order) > 2
    at, walked = f"/households/{order[0]}?level=orange", [order[0]]
    while following := re.search(r'rel="next" href="(/households/([0-9a-f]+)[^"]*)"', client.get(at).text):
        at = unescape(following[1])
        walked.append(following[2])
    assert walked == order


def test_an_unknown_household_is_not_here_and_leaves_no_line(home):
    client = visitor(home)
    before = looked(home)
    for household in ("0" * 64, "x", "'; drop table warning; --"):
        assert client.get(f"/households/{household}").status_code == 404
    assert looked(home) == before


def test_no_page_holds_a_whole_number(home):
    client = visitor(home)
    places = ["/", "/queue", *(f"/households/{each}" for each in walk(client))]
    places += [f"/files?unit={unit}" for unit in Home(home).units]
    for place in places:
        page = client.get(place)
        assert page.status_code == 200, place
        assert not holds_number(re.sub(r"[0-9a-f]{20,64}", "", page.text)), place


# Whose rows ----------------------------------------------------------------------------------------------------------


def test_a_division_sees_its_own_households_and_nobody_else_s(home):
    own, other = listed_divisions(home)[:2]
    client = visitor(home, own)
    mine = {each for (each,) in ask(home, "select household_id from household_warning where division_code = ?", own)}
    assert set(walk(client)) == mine
    before = looked(home)
    foreign = household_of(home, other)
    assert client.get(f"/households/{foreign}").status_code == 404
    assert walk(client, f"?division={other}") == walk(client)
    assert client.get(f"/files?unit={other}").status_code == 404
    assert looked(home) == before
    assert client.get("/").headers["location"] == "/queue"
    names = {unit.name for unit in Home(home).units.values() if unit.kind == "division" and unit.code != own}
    assert not [name for name in names if name in client.get("/queue").text + client.get("/files").text]


def test_a_partner_sees_its_files_and_no_list(home):
    client = visitor(home, "medical_insurance")
    assert client.get("/").headers["location"] == "/files"
    assert client.get("/queue").status_code == 404
    assert client.get(f"/households/{household_of(home, listed_divisions(home)[0])}").status_code == 404
    page = client.get("/files").text
    assert "预警清单" not in page
    assert Home(home).units["medical_insurance"].name in page


def test_a_unit_that_is_none_is_refused(home):
    with pytest.raises(ConfigError, match="没有 d99 这个单位"):
        reviewer_of(Home(home), "王敏", "d99")
    assert reviewer_of(Home(home), "王敏", "bureau").is_of_bureau


# Files, and the morning ----------------------------------------------------------------------------------------------


def test_each_file_stands_with_its_rows_and_their_sum(home):
    page = text_of(visitor(home).get("/files?unit=d01").text)
    sent = ask(
        home,
        "select file_name, rows_read, rows_accepted, rows_set_aside, rows_out_of_scope from submission where unit_code = 'd01'",
    )
    assert sent
    assert f"交来的文件（{len(sent)} 份）" in page
    for name, read, accepted, aside, out in sent:
        assert name in page
        assert f"{read} = {accepted} + {aside} + {out}" in page
    standing = ask(
        home, "select count(*) from validation_issue where unit_code = 'd01' and state in ('new', 'open', 'came_back')"
    )[0][0]
    assert f"要改的（{standing} 处）" in page


def test_the_pieces_of_a_bar_are_the_rows_and_fill_it(home):
    with opened(Home(home), reviewer_of(Home(home), "王敏", "d01")) as con:
        sent = files.read_files(con, "d01", 1)
    bars = [line["bar"] for line in sent.lines if line["rows_read"]]
    assert bars
    for line in sent.lines:
        assert sum(piece["rows"] for piece in line["bar"]) == line["rows_read"]
    for bar in bars:
        assert bar[0]["at"] == 0
        assert sum(piece["width"] for piece in bar) == pytest.approx(files.BAR_WIDTH, abs=0.05)


def test_a_returned_copy_is_taken_byte_for_byte_and_leaves_a_line(home):
    client = visitor(home, "d01")
    page = client.get("/files").text
    offered = re.findall(r'href="(/returned/d01/[0-9a-f]+)">([^<]+)<', page)
    copies = {
        path.relative_to(home / "returns/d01").as_posix(): path for path in (home / "returns/d01").rglob("*.xlsx")
    }
    assert {unescape(name) for _, name in offered} == set(copies)
    blank = next(address for address, name in offered if name.startswith("空白模板/"))
    client.get(blank)
    assert looked(home)[-1]["because"].startswith("下载空白模板 d01/空白模板/")
    address, name = next(each for each in offered if "/" not in each[1])
    before = len(looked(home))
    answer = client.get(address)
    assert answer.content == copies[unescape(name)].read_bytes()
    assert "attachment" in answer.headers["content-disposition"]
    assert [line["because"] for line in looked(home)[before:]] == [f"下载退回件 d01/{unescape(name)}"]


def test_no_address_leads_out_of_a_unit_s_folder(home, tmp_path):
    client = visitor(home, "d01")
    own = {each.key for group in files.returned_files(Home(home), "d01").values() for each in group}
    other = next(each for each in files.returned_files(Home(home), "d02")["退回件"] if each.key not in own)
    secret = tmp_path / "secret"
    secret.write_text("秘密")
    (home / "returns/d01/link.xlsx").symlink_to(secret)
    linked = files._key("link.xlsx")
    try:
        for place in (
            f"/returned/d02/{other.key}", f"/returned/d01/{other.key}", f"/returned/d01/{linked}", "/returned/d01/..%2fd02",
            "/returned/..%2f..%2fkeys/identity.key", "/returned/d01/低保人员.xlsx",
        ):  # fmt: skip
            assert client.get(place).status_code == 404, place
    finally:
        (home / "returns/d01/link.xlsx").unlink()


def test_the_morning_tells_the_letter_and_how_many_stand(home):
    page = text_of(visitor(home).get("/").text)
    letter = (home / f"outbox/{DAY.isoformat()}.md").read_text(encoding="utf-8")
    for line in letter.splitlines():
        if line.strip():
            assert re.sub(r"^(#+|-|\d+\.) ", "", line) in page
    for level, title in (("red", "红色"), ("blue", "蓝色")):
        [count] = ask(home, "select count(*) from household_warning where level = ?", level)[0]
        assert re.search(rf"{title}\s+{count}\s+户", page)


def test_the_morning_shows_each_list_that_is_owed_in_one_place(home):
    with opened(Home(home), reviewer_of(Home(home), "王敏", None)) as con:
        told = morning.read_deliveries(con, Home(home).units)
    shown = [
        (line["unit_code"], line["kind"], line["period"])
        for unit in told["divisions"]
        for line in unit["lists"].values()
    ]
    shown += [(line["unit_code"], line["kind"], line["period"]) for line in told["others"]]
    owed = ask(home, "select unit_code, kind, period from coverage where expected or state = 'absent'")
    assert sorted(shown) == sorted(owed)
    late = ask(home, "select count(*) from coverage where state = 'absent' and days_late > 0")[0][0]
    assert late
    assert text_of(visitor(home).get("/").text).count("没有收到，晚了") >= late


# What may happen meanwhile -------------------------------------------------------------------------------------------


def test_a_release_that_is_swapped_is_seen_at_the_next_page(home, tmp_path):
    client = visitor(home)
    assert f"{DAY.isoformat()} 这一夜" in client.get("/queue").text
    link = home / "warehouse.duckdb"
    target = link.readlink()
    link.unlink()
    try:
        answer = client.get("/queue")
        assert answer.status_code == 409
        assert "还没有任何一版数据" in answer.text
    finally:
        link.symlink_to(target)
    assert client.get("/queue").status_code == 200


BROKEN = """
import sys
from pathlib import Path
from low_income.review import queue, serve

def broken(*_):
    raise ValueError("张三 990101198605011237")

queue.read_page = broken
serve.serve(Path(sys.argv[1]), "王敏", None, 0, lambda link: print(link, flush=True))
"""


def test_a_fault_of_ours_is_told_as_ours_and_shows_nothing_on_the_page_or_in_the_terminal(home):
    with subprocess.Popen(
        [sys.executable, "-c", BROKEN, str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            link = httpx.URL(server.stdout.readline().strip())
            with httpx.Client(base_url=f"http://127.0.0.1:{link.port}", trust_env=False) as browser:
                assert browser.get(link.path).status_code == 303
                answer = browser.get("/queue")
                assert browser.get("/files").status_code == 200  # and the server goes on
        finally:
            server.send_signal(signal.SIGINT)
            said = server.communicate(timeout=60)[1]
    assert answer.status_code == 500
    assert "不是您做错了什么" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none';")
    assert said.count("这一页没有做出来") == 1
    assert "张三" not in said + answer.text
    assert "990101198605011237" not in said + answer.text


def test_a_division_s_file_that_is_missing_or_spoilt_is_said_as_it_is(home, tmp_path):
    own = listed_divisions(home)[0]
    client = visitor(home, own)
    path = (home / "warehouse.duckdb").resolve().parent / "divisions" / f"{own}.duckdb"
    moved = tmp_path / "moved"
    path.parent.chmod(0o700)
    path.rename(moved)
    try:
        assert f"这一版里没有{Home(home).units[own].name}的预警库" in client.get("/queue").text
        path.write_bytes(b"spoilt" * 5000)
        answer = client.get("/queue")
        assert answer.status_code == 409
        assert f"{own}.duckdb 打不开" in answer.text
    finally:
        moved.replace(path)
    assert client.get("/queue").status_code == 200


def test_odd_names_below_returns_spoil_no_page_and_no_line(home):
    client = visitor(home, "d01")
    folder = home / "returns/d01"
    odd = [os.fsencode(folder) + name for name in (b"/\xff.xlsx", "/\u202e行\n号990101198605011237.xlsx".encode())]
    for path in odd:
        Path(os.fsdecode(path)).write_bytes(b"odd")
    try:
        offered = re.findall(r'href="(/returned/d01/[0-9a-f]+)">([^<]+)<', client.get("/files").text)
        found = [(address, name) for address, name in offered if "udcff" in name or "u202e" in name]
        assert len(found) == 2
        for address, _ in found:
            answer = client.get(address)
            assert answer.content == b"odd"
            assert "990101198605011237" not in answer.headers["content-disposition"]
            assert "%E2%80%AE" not in answer.headers["content-disposition"]
        for line in looked(home)[-2:]:
            assert "\n" not in line["because"]
            assert "990101198605011237" not in line["because"]
    finally:
        for path in odd:
            Path(os.fsdecode(path)).unlink()
    folder.rename(folder.with_name("kept"))
    folder.symlink_to(home / "returns/d02")
    try:
        assert "退回件（0 份）" in client.get("/files").text
    finally:
        folder.unlink()
        folder.with_name("kept").rename(folder)


def test_a_home_without_a_night_says_so(tmp_path):
    Home.create(tmp_path / "home")
    client = visitor(tmp_path / "home")
    for place in ("/", "/queue", "/files?unit=d01"):
        answer = client.get(place)
        assert answer.status_code == 409
        assert "先运行一晚" in answer.text


def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path):
    Home.create(tmp_path / "home")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(monitor, ["--home", str(tmp_path / "home"), "review", "--port", port])
    assert "用 --port 换一个" in str(done.exception)


def test_a_letter_is_read_whole(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox/2026-10-31.md").write_text(
        "# 题\n\n## 甲\n\n1. 一\n2. 2026 年\n\n- 三 - 四\n", encoding="utf-8"
    )
    title, sections = morning.read_letter(home, date(2026, 10, 31))
    assert (title, [(each.title, each.lines) for each in sections]) == ("题", [("甲", ["一", "2026 年", "三 - 四"])])
    assert morning.read_letter(home, date(2026, 11, 1)) == ("", [])
    shutil.rmtree(tmp_path / "outbox")
