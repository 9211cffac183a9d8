"""Tools that the tests serve beside the real ones."""
