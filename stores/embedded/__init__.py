"""A store in a folder: an appended tail, rolled into Parquet segments and queried with DuckDB."""

from mlmon.stores.embedded.layout import Group
from mlmon.stores.embedded.store import EmbeddedStore, open_store

__all__ = ["EmbeddedStore", "Group", "open_store"]
