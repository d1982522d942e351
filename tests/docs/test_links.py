import re
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"(?:\]\(|(?:src|href)=\")(?P<target>[^)\s\"]+)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """Give the anchors that a page's headings get: lower case, no punctuation, hyphens for spaces."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}


def _resolves(page: Path, target: str) -> bool:
    path, _, anchor = unquote(target).partition("#")
    file = (page.parent / path) if path else page
    return file.exists() and (not anchor or file.suffix != ".md" or anchor in _anchors(file))


def test_relative_links_resolve(root, pages):
    """Every relative link and picture leads to a file of the project, and to a heading that it has."""
    broken = []
    for page in pages:
        text = CODE.sub("", page.read_text(encoding="utf-8"))
        targets = [match["target"] for match in LINK.finditer(text)]
        relative = [target for target in targets if not re.match(r"[a-z]+:", target)]
        broken += [
            f"{page.relative_to(root)}: {target}" for target in relative if not _resolves(page, target)
        ]
    assert broken == []


def test_a_broken_link_is_seen(tmp_path):
    """A link to a missing file or a missing heading does not resolve, and one to a heading does."""
    page = tmp_path / "page.md"
    page.write_text("# The title, told\n")
    assert _resolves(page, "#the-title-told")
    assert _resolves(page, "page.md#the-title-told")
    assert not _resolves(page, "other.md")
    assert not _resolves(page, "#other")
