"""`python -m docs_site [FOLDER]`: write the site into a folder (build/docs when none is named)."""

from __future__ import annotations

import sys
from pathlib import Path

from low_income.model import ROOT

from docs_site import pages


def main(arguments: list[str]) -> int:
    """Write the pages and say in one line what was written."""
    target = Path(arguments[0]) if arguments else ROOT / "build" / "docs"
    written = pages.write(pages.read_sources(), target)
    sys.stdout.write(f"已写好 {written} 个文件，请用浏览器打开 {target / 'index.html'}（不需要网络）。\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
