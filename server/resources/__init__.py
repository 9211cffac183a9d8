"""The resources of this server.

To add one, write the module ``NAME.py`` here with a function ``NAME``, plain or async, with types and a docstring, and
beside it where it is: ``URI = "guide://install"``. Names in braces, ``URI = "orders://{order}/lines"``, make it a
template; they are the function's parameters. ``MIME_TYPE = "text/markdown"`` says what it is, plain text otherwise.
"""
