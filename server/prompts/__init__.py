"""The prompts of this server.

To add one, write the module ``NAME.py`` here with a function ``NAME``, plain or async, with types and a docstring. It
returns the prompt's text, or ``fastmcp.prompts.PromptResult`` for more than one message; its parameters are the
prompt's arguments.
"""
