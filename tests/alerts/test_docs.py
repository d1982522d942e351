import re

import pytest
import yaml

from mlmon.alerts import cases, load
from mlmon.alerts.rules import Rule
from mlmon.core import settings


@pytest.fixture(scope="module")
def blocks(root) -> list[str]:
    """Give the YAML blocks of the page on rules."""
    text = (root / "docs" / "rules.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def test_the_rules_of_the_documentation_are_right(blocks):
    """Every rule that docs/rules.md shows is read, and its trials are right."""
    rules = [rule for block in blocks for rule in load.parse(block, "docs/rules.md")]
    assert [type(rule) for rule in rules] == [Rule] * 3
    assert [each for rule in rules for each in cases.run(rule) if not each.is_right] == []


def test_the_routes_of_the_documentation_are_right(root, tmp_path):
    """The settings that docs/alerts.md shows are read."""
    [block] = re.findall(r"```yaml\n(.*?)```", (root / "docs" / "alerts.md").read_text(), re.DOTALL)
    (tmp_path / "mlmon.yaml").write_text(block)
    assert (
        settings.load(tmp_path / "mlmon.yaml").rules.routes.keys()
        == yaml.safe_load(block)["rules"]["routes"].keys()
    )


def test_every_key_of_a_rule_is_documented(root):
    """Every key that a rule may have stands in docs/rules.md."""
    from mlmon.alerts.form import json_schema

    text = (root / "docs" / "rules.md").read_text()
    keys = json_schema()["$defs"]["RuleForm"]["properties"]
    assert [
        key for key in keys if not re.search(rf"`[^`]*\b{key}\b[^`]*`|^ +(- )?{key}:", text, re.MULTILINE)
    ] == []
