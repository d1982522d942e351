"""The engine that answers questions."""

import pytest

from mlmon.stores.embedded.engine import Engine

LONG = "SELECT sum(range % 7) FROM range(2_000_000_000)"


def test_ctrl_c_amid_a_statement_is_an_interrupt(ctrl_c):
    """Ctrl-C that comes while DuckDB works is raised as what it is, and not as an error of the store."""
    engine = Engine(threads=1)  # with more, the one that is asked may only wait, and look at no signal
    with pytest.raises(KeyboardInterrupt), engine.cursor() as cursor:
        cursor.execute(LONG)
    engine.close()


def test_another_runtime_error_is_left_alone():
    """An error of the block itself goes through as it is."""
    engine = Engine()
    with pytest.raises(RuntimeError, match="its own"), engine.cursor():
        raise RuntimeError("its own")
    engine.close()
