from typing import Any

import pytest

from mlmon.core import config, settings


@pytest.mark.parametrize("key", list(config.all_keys()))
def test_every_key_has_a_variable(key: str):
    """Setting the variable of a key to its default gives the default configuration."""
    value: Any = config.Config()
    for part in key.split("."):
        value = getattr(value, part)
    text = f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)
    text = "null" if value is None else text
    assert settings.load(environ={config.variable(key): text}) == config.Config()
