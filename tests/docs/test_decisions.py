import re


def test_decisions_are_numbered_and_complete(root):
    """Every decision has a number of its own and says its status, context, decision and consequences."""
    folder = root / "docs" / "adr"
    numbers = []
    for path in sorted(folder.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        title = re.match(r"# (\d{4})\. ", text)
        assert title, path.name
        assert path.name.startswith(f"{title[1]}-"), path.name
        assert re.search(r"^Status: (accepted|superseded by \[?\d{4})", text, re.MULTILINE), path.name
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name
        numbers.append(title[1])
    assert len(numbers) == len(set(numbers))
