"""The page in headless Chromium: nothing for axe to find, nothing asked of the network, no text that became more."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployer.portal import snapshot
from deployer.portal.facts import Facts
from deployer.portal.page import page
from scripts.node_packages import RegistryUnreachable
from tests.node.installed import installed
from tests.portal.pictured import whole

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCREENSHOTS = "PORTAL_SCREENSHOTS"
"""What names, to this test, a folder to leave pictures of the page in."""
SECONDS = 180


def browsed(text: str, folder: Path) -> dict[str, Any]:
    """Returns what each reader of the page found."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"No browser is here: none of {', '.join(PROGRAMS)} is on the path.")
    try:
        node = installed()
    except RegistryUnreachable as error:
        pytest.skip(str(error))
    (folder / "node_modules").symlink_to(node.folder / "node_modules")
    script = shutil.copy(Path(__file__).with_name("browse.mjs"), folder)
    file = folder / "portal.html"
    file.write_text(text, encoding="utf-8")
    shots = [os.environ[SCREENSHOTS]] if SCREENSHOTS in os.environ else []
    done = subprocess.run(
        [node.node, script, program, file.as_uri(), *shots],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("lacking", [False, True], ids=["every part", "offline"])
def test_everybody_can_read_it_and_it_asks_for_nothing(example: Facts, tmp_path: Path, lacking: bool) -> None:
    parts = (example, snapshot.absent(snapshot.OFFLINE)) if lacking else whole(example)
    found = browsed(page(*parts), tmp_path)
    plain = found.pop("without a script")
    assert parts[0].tools is not None
    assert plain == {"tools": len(parts[0].tools.tools), "search": 0}
    assert sorted(found) == ["dark desktop", "dark phone", "light desktop", "light phone"]
    for reader in found.values():
        assert reader["rules"] > 40
        assert reader["violations"] == []
        assert reader["requests"] == [(tmp_path / "portal.html").as_uri()]
        assert reader["complaints"] == []
        assert reader["overflow"] == 0
        assert reader["title"] == f"{' '.join(parts[0].name.split())} — MCP agent runtime"
    assert found["light desktop"]["ground"] != found["dark desktop"]["ground"]
    if lacking:
        assert found["light desktop"]["search"] == {"none": 0, "echo": ["mcp___echo"], "told": "1 of 2 tools"}
