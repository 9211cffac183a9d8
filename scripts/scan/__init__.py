"""Scanners of the templates for continuous integration: what is really deployed, under both presets, in both forms.

`python -m scripts.scan` resolves every template under example values (`plain`), lets cfn-lint, checkov, the Control
Tower rules of cfn-guard and the rules of cdk-preflight look at the results (`tools`, `engines`) and compares what they
find with the entries in `entries.toml` (`entries`).
"""
