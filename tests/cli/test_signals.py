import os
import signal

import pytest

from mlmon.cli.signals import stopping


def test_sigterm_ends_quietly():
    """SIGTERM sets the event, and nothing is raised after the block."""
    with stopping() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(60)


def test_ctrl_c_is_told_after_the_block():
    """Ctrl-C lets the block finish, and is raised behind it."""
    finished = []
    with pytest.raises(KeyboardInterrupt), stopping() as stop:  # noqa: PT012 - the end of the block raises
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(60)
        finished.append(True)
    assert finished


def test_a_second_ctrl_c_is_raised_at_once():
    """Who presses Ctrl-C twice does not want to wait."""
    with pytest.raises(KeyboardInterrupt), stopping():  # noqa: PT012 - the second signal raises
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()


def test_handlers_are_put_back():
    """After the block signals do what they did before."""
    before = signal.getsignal(signal.SIGTERM)
    with stopping():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
