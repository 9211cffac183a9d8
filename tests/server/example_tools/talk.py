"""The tool ``talk``: everything a tool can do to a log."""

import logging
import sys
import warnings


def talk(words: str) -> str:
    """Log, print and warn with `words`."""
    logging.getLogger("talk").info("said %s", words, extra={"words": words})
    logging.getLogger("talk").info("wrong arguments %s %s", words)
    print(words)
    print(words, file=sys.stderr)
    warnings.warn(words, stacklevel=1)
    return words
