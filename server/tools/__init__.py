"""The tools of this server: each module ``NAME.py`` here defines the function ``NAME`` that agents can call."""
