"""Keep events and results, and answer queries over them."""
