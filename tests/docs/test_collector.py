from mlmon.pipelines.collector.bodies import MOST_LINES
from mlmon.pipelines.keys import REASONS as KEY_REASONS
from mlmon.pipelines.normalise import ALIASES
from mlmon.pipelines.validate import REASONS


def test_the_collectors_page_has_every_reason(root):
    """The table of reasons is the code's, word by word and in its order."""
    page = (root / "docs" / "collector.md").read_text(encoding="utf-8")
    assert "\n".join(f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items()) in page


def test_the_collectors_page_has_every_name_that_is_understood(root):
    """Each name that other tools give to a field of ours stands in the table."""
    page = (root / "docs" / "collector.md").read_text(encoding="utf-8")
    assert [
        name for name, ours in ALIASES.items() if f"`{name}`" not in page or f"`{ours}`" not in page
    ] == []


def test_the_collectors_page_has_the_limits(root):
    """The number of lines that a request may have is the code's."""
    assert f"{MOST_LINES:,} lines" in (root / "docs" / "collector.md").read_text(encoding="utf-8")


def test_the_collectors_page_has_why_a_key_is_refused(root):
    """The table of reasons is the code's, word by word and in its order."""
    page = (root / "docs" / "collector.md").read_text(encoding="utf-8")
    assert "\n".join(f"| `{reason}` | {meaning} |" for reason, meaning in KEY_REASONS.items()) in page
