"""Sends the night report to the places that monitor.yml names: a web address, a mail. outbox/ always has it first.

A message that was sent is not sent again when the night runs again, unless its text has changed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from low_income.settings.home import Notify, atomically

SECONDS = 20
"""How long to wait for an answer of a server."""
USER, PASSWORD = "MONITOR_SMTP_USER", "MONITOR_SMTP_PASSWORD"
_TROUBLE = (OSError, http.client.HTTPException, smtplib.SMTPException, ValueError)


class NotSent(Exception):
    """A message was not sent. The text says why, in Chinese, and never holds an address, since a webhook address is a secret."""


def send(notify: Notify, message: Path) -> list[str]:
    """Send the message (Markdown; its first line is the subject) by each wanted way that has not sent this text yet.

    Returns problems in Chinese. `<message>.sent` beside it holds the ways by which this text was sent.
    """
    text = message.read_text(encoding="utf-8")
    subject, _, body = text.removeprefix("# ").partition("\n")
    digest = hashlib.sha256(text.encode()).hexdigest()
    kept = message.with_suffix(".sent")
    sent = set(kept.read_text(encoding="utf-8").split("\n")) if kept.exists() else set()
    problems = []
    for name, carry, is_wanted in (("webhook", _post, notify.webhook), ("mail", _mail, notify.smtp)):
        line = f"{name} {digest}"
        if not is_wanted or line in sent:
            continue
        try:
            carry(notify, subject, body.strip("\n") + "\n")
        except NotSent as problem:
            problems.append(str(problem))
        except _TROUBLE as problem:
            problems.append(f"{_TITLES[name]}没有发出去：{type(problem).__name__}")
        else:
            sent.add(line)
            with atomically(kept) as part:
                part.write_text("\n".join(sorted(sent - {""})), encoding="utf-8")
    return problems


_TITLES = {"webhook": "网址通知（webhook）", "mail": "邮件"}


def _post(notify: Notify, subject: str, body: str) -> None:
    """POST the message as JSON: `title` and `text`, and again in the form that group robots of office messengers accept."""
    address = notify.webhook or ""
    if address.startswith("env:") and not (address := os.environ.get(address.removeprefix("env:"), "")):
        raise NotSent(f"网址通知（webhook）没有发出去：没有设置环境变量 {(notify.webhook or '').removeprefix('env:')}")
    if urlsplit(address).scheme not in ("http", "https"):
        raise NotSent("网址通知（webhook）没有发出去：应是 http 或 https 网址")
    markdown = {"title": subject, "text": f"# {subject}\n{body}", "content": f"# {subject}\n{body}"}
    words = {"title": subject, "text": body, "msgtype": "markdown", "markdown": markdown}
    request = Request(  # noqa: S310 - the scheme is looked at above
        address, json.dumps(words, ensure_ascii=False).encode(), {"Content-Type": "application/json; charset=utf-8"}
    )
    with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the same
        answer.read(1 << 16)


def _mail(notify: Notify, subject: str, body: str) -> None:
    """Send the message as a plain-text mail, over TLS when the server offers it. A password is sent over TLS only."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, notify.sender or "", ", ".join(notify.recipients)
    mail["Date"] = formatdate()
    mail.set_content(body, cte="base64")
    host, _, port = (notify.smtp or "").rpartition(":")
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    with smtplib.SMTP(host, int(port), timeout=SECONDS) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        elif user:
            raise NotSent("邮件没有发出去：邮件服务器不支持加密（STARTTLS），密码不在明文连接上发送")
        if user and password:
            server.login(user, password)
        server.send_message(mail)
