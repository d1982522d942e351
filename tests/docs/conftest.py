"""The documentation's pages, and what their fenced blocks hold."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE
)


@pytest.fixture(scope="session")
def pages(root: Path) -> list[Path]:
    """Give every Markdown page at the top and under docs/."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


@pytest.fixture(scope="session")
def blocks(root: Path, pages: list[Path]) -> Callable[[str], list[tuple[str, str]]]:
    """Give a function of a language, which lists its fenced blocks: where each starts, and its text."""

    def find(language: str) -> list[tuple[str, str]]:
        found = []
        for page in pages:
            text = page.read_text(encoding="utf-8")
            for match in FENCE.finditer(text):
                if match["language"] == language:
                    line = text.count("\n", 0, match.start()) + 1
                    found.append((f"{page.relative_to(root)}:{line}", match["body"]))
        return found

    return find
