"""Writes the key policy into `docs/kms-key-policy.md`; a test says when it is not what the templates need."""

import json
import re
from pathlib import Path
from typing import Final

from generator.key_policy import key_policy
from generator.stacks import template_dicts

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "kms-key-policy.md"
BLOCK: Final = re.compile(r"```json\n.*?```\n", re.DOTALL)
ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"


def page_text(text: str) -> str:
    """Returns the page with the policy of today in its block."""
    policy = json.dumps(key_policy(template_dicts(), ACCOUNT, REGION, "aws"), indent=2)
    return BLOCK.sub(lambda _: f"```json\n{policy}\n```\n", text)


if __name__ == "__main__":
    PAGE.write_text(page_text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
