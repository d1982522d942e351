"""DuckDB over the files that a person brings."""

import pytest

from mlmon.cli import sql

LONG = "SELECT sum(range % 7) FROM range(2_000_000_000)"


def test_ctrl_c_amid_a_statement_is_an_interrupt(ctrl_c):
    """Ctrl-C that comes while a file is read ends the command as it would elsewhere."""
    with pytest.raises(KeyboardInterrupt), sql.opened() as connection:
        connection.execute(f"SET threads = 1; {LONG}")  # more, and this one may only wait, blind to signals


@pytest.mark.parametrize("name", ["plain", 'a "b" c', "it's", "@timestamp"])
def test_names_and_text_are_what_they_were(name):
    """Whatever a name or a text holds, SQL reads it back as it was."""
    with sql.opened() as connection:
        found = connection.execute(f"SELECT {sql.literal(name)} AS {sql.quoted(name)}")
        assert [it[0] for it in found.description] == [name]
        assert found.fetchall() == [(name,)]
