"""The night's message reaches a web address and a mailbox, once, and what goes wrong is said without a secret."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from low_income.night import post, run
from low_income.settings.home import Notify

from tests.night_kit import DAY, new_home

WORDS = "# 低收入监测 2026-10-31：收到 3 份，缺 1 份\n\n## 清单\n\n- 待办预警 5 条\n"


@pytest.fixture
def message(tmp_path: Path) -> Path:
    path = tmp_path / "2026-10-31.md"
    path.write_text(WORDS, encoding="utf-8")
    return path


@pytest.fixture
def office() -> Iterator[tuple[str, list[dict[str, Any]], list[int]]]:
    """(address, what was posted, answers to give: 200 when none is left)."""
    posted: list[dict[str, Any]] = []
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0) if answers else 200)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/send?token=geheim", posted, answers
        server.shutdown()


@pytest.fixture
def mailbox() -> Iterator[tuple[str, list[str]]]:
    """(host:port, mails) of a server that speaks as much SMTP as a mail needs, without encryption."""
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            while word := self.rfile.readline().decode().strip():
                if word.upper().startswith("DATA"):
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    mails.append(b"".join(lines).decode("ascii"))
                self.say("221 bye" if word.upper() == "QUIT" else "250 ok")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", mails
        server.shutdown()


def test_a_web_address_gets_it_once_and_again_when_it_says_something_else(
    message: Path, office: tuple[str, list[dict[str, Any]], list[int]]
) -> None:
    address, posted, _ = office
    notify = Notify(webhook=address)
    assert post.send(notify, message) == post.send(notify, message) == []
    assert [each["title"] for each in posted] == ["低收入监测 2026-10-31：收到 3 份，缺 1 份"]
    assert posted[0]["text"].startswith("## 清单\n\n- 待办预警 5 条")
    message.write_text(WORDS.replace("5 条", "6 条"), encoding="utf-8")
    assert post.send(notify, message) == []
    assert "6 条" in posted[1]["markdown"]["content"]


def test_what_did_not_arrive_is_sent_again_and_said_without_the_address(
    message: Path, office: tuple[str, list[dict[str, Any]], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, posted, answers = office
    monkeypatch.setenv("OUR_HOOK", address)
    notify = Notify(webhook="env:OUR_HOOK")
    answers.append(500)
    assert post.send(notify, message) == ["网址通知（webhook）没有发出去：HTTPError"]
    assert post.send(notify, message) == []
    assert len(posted) == 2
    monkeypatch.delenv("OUR_HOOK")
    message.write_text("# 新的一夜\n", encoding="utf-8")
    assert post.send(notify, message) == ["网址通知（webhook）没有发出去：没有设置环境变量 OUR_HOOK"]


def test_a_mail_says_it_in_its_subject_and_no_password_goes_in_the_clear(
    message: Path, mailbox: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from email import message_from_string, policy

    server, mails = mailbox
    notify = Notify(smtp=server, sender="monitor@example.org", recipients=["officer@example.org"])
    monkeypatch.setenv(post.USER, "monitor")
    monkeypatch.setenv(post.PASSWORD, "geheim")
    assert post.send(notify, message) == ["邮件没有发出去：邮件服务器不支持加密（STARTTLS），密码不在明文连接上发送"]
    assert mails == []
    monkeypatch.delenv(post.USER)
    assert post.send(notify, message) == []
    mail = message_from_string(mails[0], policy=policy.default)
    assert mail["Subject"] == "低收入监测 2026-10-31：收到 3 份，缺 1 份"
    assert mail["To"] == "officer@example.org"
    assert "- 待办预警 5 条" in mail.get_content()


def test_a_night_goes_on_when_nobody_answers(tmp_path: Path) -> None:
    home = new_home(tmp_path / "home")
    settings = home / "monitor.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("notify: {}", "notify: {webhook: 'http://127.0.0.1:9/'}"), encoding="utf-8")
    run.collect(home, DAY)
    run.notify(home, DAY)
    assert run.send(home, DAY) == ["网址通知（webhook）没有发出去：URLError"]
    assert list((home / "outbox").glob("*.sent")) == []
