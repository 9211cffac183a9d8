"""How the site is built: the pages are copied, what they load is put beside them, and Zensical makes HTML of it."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

from deployer.environments import PROJECT_ROOT, ensure
from scripts.node_packages import installed

HERE: Final = Path(__file__).parent
DOCUMENTS: Final = PROJECT_ROOT / "docs"
README: Final = "README.md"
README_PAGE: Final = "readme.md"
"""The README as a page of the site."""
FOLDER: Final = PROJECT_ROOT / ".local" / "site"
CONFIGURATION: Final = HERE / "zensical.toml"
MENU_END: Final = "\n]\n"
LOADED: Final = {
    "mermaid.js": ("@mermaid-js/tiny", "dist/mermaid.tiny.js"),
    "iframe-worker.js": ("iframe-worker", "shim/index.js"),
}
"""What pages load that Zensical would take from the network, by its name among the site's assets: what draws diagrams
(it asks for `mermaid@12` where the page has none), and what lets the search work in pages that are opened as files."""


_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


class SiteFailure(Exception):
    """The site cannot be built; the message says what is wrong, where a page is at fault with Zensical's own report."""


def build(folder: Path, documents: Path = DOCUMENTS) -> Path:
    """Builds the site of `documents`, and of the README beside them, into `folder`, and returns its first page.

    Pages that the menu does not name come last in it. Raises SiteFailure where the menu names a page that is not there,
    or a link or an anchor leads nowhere; EnvironmentFailure and RegistryUnreachable where what builds it cannot be
    installed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "source"
    shutil.copytree(documents, source, ignore=shutil.ignore_patterns("*.toml"))
    _bring_readme(documents.parent / README, source)
    (source / "assets").mkdir()
    packages = installed(HERE)
    for name, place in LOADED.items():
        shutil.copy(packages.file(*place), source / "assets" / name)
    shutil.copy(HERE / "site.css", source / "assets")
    (folder / CONFIGURATION.name).write_text(_configured(source), encoding="utf-8")
    done = subprocess.run(
        [str(ensure("docs")), "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = _COLOURS.sub("", f"{done.stdout}{done.stderr}").partition("Traceback ")[0]
        raise SiteFailure(f"The site has a fault, and Zensical says where:\n{told.strip()}")
    return folder / "html" / "index.html"


def menu() -> list[str]:
    """Returns the pages that the menu names, in its order."""

    def pages(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        inner = entry.values() if isinstance(entry, dict) else entry
        return [page for one in inner for page in pages(one)]

    return pages(tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["project"]["nav"])


def _bring_readme(readme: Path, source: Path) -> None:
    """Makes the README a page, and turns the links between it and the other pages."""
    for page in source.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"\]\(((?:\.\./)*)\.\./README\.md", rf"](\1{README_PAGE}", text), encoding="utf-8")
    text = readme.read_text(encoding="utf-8").replace(f"]({DOCUMENTS.name}/", "](")
    (source / README_PAGE).write_text(text, encoding="utf-8")


def _configured(source: Path) -> str:
    """Returns the generator's configuration, with the pages that the menu does not name below its entries."""
    text, named = CONFIGURATION.read_text(encoding="utf-8"), menu()
    there = sorted(path.relative_to(source).as_posix() for path in source.rglob("*.md"))
    absent = [page for page in named if page not in there]
    if absent:
        raise SiteFailure(f"The menu of {CONFIGURATION.name} names docs/{absent[0]}, which is not there; take it out.")
    more = [page for page in there if page not in named]
    before, end, after = text.partition(MENU_END)
    return f'{before}\n    {{ "More" = {json.dumps(more)} }},{end}{after}' if more else text
