"""A store in a folder: an appended tail, rolled into Parquet segments and queried with DuckDB."""
