"""The reference pages of `docs/reference/`, computed from the code that they describe."""
