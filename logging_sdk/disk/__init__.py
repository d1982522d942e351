"""A spool on disk: what was written outlives the process, and the next process delivers it."""

from mlmon.logging_sdk.disk.spool import DiskSpool, Mode, check_lock

__all__ = ["DiskSpool", "Mode", "check_lock"]
