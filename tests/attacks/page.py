"""Writes `docs/attack-table.md`: ``python -m tests.attacks.page``."""

from pathlib import Path

from tests.attacks.table import ATTACKS, LOCKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attack-table.md"

_INTRODUCTION = """\
# Attack table

What each lock answers to each attack when everything before it was walked around. The gateway asks for a signature of
an IAM principal, the load balancer for a token of the issuer, and the server once more for that token, under its own
host name and within its bounds. The lock that should refuse first is in bold. A status in brackets is a JSON-RPC error
code; a tool or method that is not there is refused inside an answer of status 200, as the protocol has it in the
versions with a handshake.

*called*: the real server answered, here and now. *stand-in*: this project's imitation of the gateway or of the load
balancer answered, which shows that the configuration asks for the right thing, and nothing of AWS. *cited*: AWS's
documentation says so, or says nothing else. Every cell that is *called* or *stand-in* is executed by the tests
(`tests/attacks`, `tests/end_to_end/test_local_deployment.py`), which also look for the reason in the log and for
secrets in it. This page is written by `python -m tests.attacks.page`.

"""


def rendered() -> str:
    """Return the page."""
    lines = [f"| attack | {' | '.join(LOCKS)} | the server's log says |", "|---" * (len(LOCKS) + 2) + "|"]
    for attack in ATTACKS:
        cells = [
            f"**{attack.cells[lock].text}**" if lock == attack.first else attack.cells[lock].text for lock in LOCKS
        ]
        lines.append(
            f"| {attack.name} | {' | '.join(cells)} | {attack.reason or 'the JSON-RPC error, if there is one'} |"
        )
    return _INTRODUCTION + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
