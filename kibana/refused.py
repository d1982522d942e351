"""What a target cannot express is refused with the reason, and never shown as something weaker."""

from __future__ import annotations

from mlmon.core.errors import MlmonError


class RefusedError(MlmonError):
    """A panel that a target cannot show; the message is the reason, a whole sentence."""
