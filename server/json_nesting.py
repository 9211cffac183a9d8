"""How deep a JSON text is nested, without parsing it: a parser that recurses could be brought down by the depth."""

import re

# Possessive, and with the closing quote left out where there is none: no text makes it go back and try again.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def is_deeper(text: bytes, limit: int) -> bool:
    """Return whether arrays and objects in `text` are nested more than `limit` deep.

    Takes time proportional to the text's length times the limit at most. Of a text that is not JSON it says True when
    it opens more than `limit` brackets that it does not close; what else is wrong with it is the parser's to say.
    """
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = _STRING.sub(b"", text).translate(_ONE_KIND, _NO_BRACKETS)
    # Each round takes the innermost pairs away.
    for level in range(limit + 1):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return level + brackets.count(b"[") > limit
        brackets = shorter
    return True
