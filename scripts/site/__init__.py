"""The documentation as a site: `docs/` made into pages that ask the network for nothing.

`zensical.toml` says how it looks and what leads where, `package.json` what draws the diagrams.
"""
