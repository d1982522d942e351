"""Log files on this machine, followed as they are written, rotated and truncated."""
