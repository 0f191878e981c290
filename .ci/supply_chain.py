"""What we stand on: the licences of all that is locked, and whether any of it is known to be vulnerable.

python .ci/supply_chain.py split        takes out of requirements-dev.lock what requirements.lock has
python .ci/supply_chain.py licences     writes docs/licences.md
python .ci/supply_chain.py sbom         writes build/sbom.json
python .ci/supply_chain.py audit        0: asked, nothing known · 1: something is known · 3: the database could not be asked
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
"""What an operator installs, with every extra."""
LOCK_OF_DEVELOPMENT = ROOT / "requirements-dev.lock"
"""What tests, lint and `make` need beside it."""
PAGE = ROOT / "docs" / "licences.md"
BILL = ROOT / "build" / "sbom.json"
NOT_ASKED = 3

ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0", "PSF-2.0",
     "Unlicense", "Zlib", "Artistic-1.0-Perl",
     # A change of the library itself must be given away; a program that uses it as it is owes nothing.
     "MPL-2.0", "LGPL-2.1-only", "LGPL-3.0-only"}
)  # fmt: skip
"""Licences that let anybody use, change and pass on this product. Of a choice (`OR`) one is enough."""

WORDS = {
    "mit license": "MIT", "mit": "MIT", "apache software license": "Apache-2.0", "apache-2.0": "Apache-2.0",
    "bsd license": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause", "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense", "artistic license": "Artistic-1.0-Perl", "dfsg approved": "",
    "gnu general public license (gpl)": "GPL-2.0-or-later",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
}  # fmt: skip
"""What packages that know no SPDX expression call their licence."""

READ_BY_HAND = {
    "yattag": ("LGPL-2.1-only", "its project page; its metadata do not say which version"),
    "pyrage": ("MIT", "its LICENSE file; its metadata say nothing"),
    "pyyaml-ft": ("MIT", "its project page; installed on Python 3.13 alone"),
}


def blocks(lock: Path) -> list[str]:
    """The packages of a lock: name, version and condition on the first line, hashes below."""
    return re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8").strip())


def pinned(block: str) -> tuple[str, str]:
    """Name and version of a package of a lock."""
    name, version = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", block)[0]
    return name, version


def split() -> None:
    """Take out of the development's lock each package that the other has under the same condition."""
    known = set(blocks(LOCK))
    rest = [each for each in blocks(LOCK_OF_DEVELOPMENT) if each not in known]
    LOCK_OF_DEVELOPMENT.write_text("\n".join(rest) + "\n", encoding="utf-8")


def locked(*locks: Path) -> dict[str, list[str]]:
    """Name → versions in the locks (more than one where Python's version decides), sorted."""
    found: dict[str, list[str]] = {}
    for each in [block for lock in locks or (LOCK, LOCK_OF_DEVELOPMENT) for block in blocks(lock)]:
        name, version = pinned(each)
        versions = found.setdefault(name.lower(), [])
        versions += [version] if version not in versions else []
    return dict(sorted(found.items()))


def licence_of(name: str) -> str:
    """The licence of an installed package as an SPDX expression; '' when it does not say."""
    if name in READ_BY_HAND:
        return READ_BY_HAND[name][0]
    about = importlib.metadata.metadata(name)
    if expression := about.get("License-Expression"):
        return str(expression)
    classes = [each.split(" :: ")[-1] for each in about.get_all("Classifier") or [] if each.startswith("License ::")]
    said = classes or [str(about.get("License") or "").split("\n", maxsplit=1)[0]]
    known = [WORDS.get(each.lower(), each) for each in said]
    return " OR ".join(dict.fromkeys(each for each in known if each))


def is_allowed(expression: str) -> bool:
    """Whether a licence is one of ours to use: all parts of an `AND`, one part of an `OR`."""
    flat = expression.replace("(", " ").replace(")", " ")
    return bool(flat.strip()) and any(
        all(part.strip() in ALLOWED for part in choice.split(" AND ")) for choice in flat.split(" OR ")
    )


def page() -> str:
    """docs/licences.md."""
    installed = locked(LOCK)
    lines = [
        f"| {name} | {', '.join(versions)} | {licence_of(name) or '?'} | {'' if name in installed else 'development'} |"
        for name, versions in locked().items()
    ]
    by_hand = [f"- {name}: {licence}, from {why}." for name, (licence, why) in READ_BY_HAND.items()]
    return "\n".join(
        ["# Licences of what is locked", "",
         "All of `requirements.lock`, and of `requirements-dev.lock` what no operator installs (“development” in the last column),",
         "as SPDX expressions from the packages' own metadata. Written by `make licences`; a test holds",
         "it in step with the locks and refuses licences that `.ci/supply_chain.py` does not allow. Where a package offers a",
         "choice (`OR`), we take the one that is allowed; a bare “BSD License” stands as BSD-3-Clause.",
         "The product itself is Apache-2.0.", "",
         "| package | version | licence | for |", "|---|---|---|---|", *lines, "", "Read by hand:", "", *by_hand, ""]
    )  # fmt: skip


def bill() -> str:
    """The bill of materials of what an operator installs: CycloneDX 1.6, JSON; the same text for the same lock.

    The hashes of a package are those of all its files that may be installed: which one is, depends on the machine.
    """
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415 - `split` runs where nothing is installed
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.model.license import LicenseExpression  # noqa: PLC0415
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    bom = Bom()
    for block in blocks(LOCK):
        name, version = pinned(block)
        digests = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in re.findall(r"sha256:(\w+)", block)]
        purl = PackageURL("pypi", name=name, version=version)
        licence = licence_of(name) if is_installed(name) else ""
        bom.components.add(
            Component(
                type=ComponentType.LIBRARY, name=name, version=version, purl=purl, bom_ref=str(purl), hashes=digests,
                licenses=[LicenseExpression(licence)] if licence else [],
            )
        )  # fmt: skip
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    del told["serialNumber"], told["metadata"]["timestamp"]  # another one each time
    return json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def is_installed(name: str) -> bool:
    """Whether a locked package is here: some are for other machines or another Python."""
    return any(True for _ in importlib.metadata.distributions(name=name))


def audit(names: Iterable[str]) -> int:
    """Ask the vulnerability database about packages of the lock; prints what is known, and what could not be asked."""
    found = blocks(LOCK) + blocks(LOCK_OF_DEVELOPMENT)
    wanted = set(names)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "requirements.txt"
        part.write_text(
            "\n".join(each for each in found if each.split("==")[0].lower() in wanted) + "\n", encoding="utf-8"
        )
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(part), "--disable-pip", "--require-hashes",
                   "--format", "json", "--progress-spinner", "off", "--timeout", "10"]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    return judge(done.stdout, done.stderr)


def judge(answer: str, errors: str) -> int:
    """The exit code for what pip-audit said. It ends with 0, and praises, also when it could ask about nothing at all."""
    try:
        told: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        last = errors.strip().splitlines()[-1:] or ["no answer"]
        sys.stdout.write(f"audit: the vulnerability database could NOT be asked: {last[0]}\n")
        return NOT_ASKED
    vulnerable = [each for each in told if each.get("vulns")]
    for each in vulnerable:
        for known in each["vulns"]:
            fixed = ", ".join(known.get("fix_versions") or []) or "no fixed version yet"
            sys.stdout.write(f"audit: {each['name']} {each['version']}: {known['id']} (fixed in: {fixed})\n")
    skipped = [each["name"] for each in told if "skip_reason" in each]
    if vulnerable:
        return 1
    if skipped or not told:
        sys.stdout.write(
            f"audit: the vulnerability database could NOT be asked about {len(skipped)} of {len(told)} packages "
            f"({', '.join(skipped[:3])}, …); run `make audit` where it can be reached, before a release\n"
        )
        return NOT_ASKED
    sys.stdout.write(f"audit: {len(told)} packages asked about, no known vulnerability\n")
    return 0


def main(words: list[str]) -> int:
    """One command; its exit code."""
    if words == ["split"]:
        split()
        return 0
    if words == ["licences"]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if words == ["sbom"]:
        BILL.parent.mkdir(exist_ok=True)
        BILL.write_text(bill(), encoding="utf-8")
        return 0
    if words == ["audit"]:
        # Where no index answers for a few of the best known, it answers for none: not worth two hundred questions.
        first = audit(["sqlalchemy", "lxml", "cryptography"])
        return first if first == NOT_ASKED else audit(locked())
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
