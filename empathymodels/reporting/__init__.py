"""A report: one self-contained page of fits, their data, and how far to trust them."""
