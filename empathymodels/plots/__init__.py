"""Pictures of fits: each function takes a fit (or a table) and returns a matplotlib figure."""
