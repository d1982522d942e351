import logging

from mlmon.logging_sdk.testing import capture


def test_every_block_of_the_guide_runs(root, monkeypatch, capsys):
    """The Python blocks of the guide run as one program, and log without misuse."""
    text = (root / "docs" / "logging.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    names: dict[str, object] = {}
    service = logging.getLogger("service")
    with capture() as events:
        for block in blocks:
            exec(block, names)  # noqa: S102 - the documentation is ours
    service.handlers.clear()
    service.propagate = True
    assert len(blocks) > 8
    assert len(events.inferences) >= 6
    assert len(events.outcomes) == 6
    assert names["log"].stats().misused == 0  # type: ignore[attr-defined]
