"""What runs in the container: an MCP server whose tools are the functions in ``server/tools/``.

Start it with ``python -m server``. It imports nothing of the other packages of this repository and takes every
setting from the environment (see `server.settings`).
"""
