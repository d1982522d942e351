from mlmon.core import errors


def test_every_error_is_of_the_one_tree():
    """Whatever mlmon raises can be caught as MlmonError."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 8
    assert all(issubclass(kind, errors.MlmonError) for kind in kinds)


def test_a_missing_extra_says_how_to_get_it():
    """The message of a missing package holds the command that brings it."""
    assert "pip install 'mlmon[kafka]'" in str(errors.MissingExtraError("confluent-kafka", "kafka"))
