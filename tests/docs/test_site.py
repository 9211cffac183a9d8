"""The site is built from the pages, and its pages ask the network for nothing."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from deployer.environments import EnvironmentFailure
from scripts.node_packages import RegistryUnreachable
from scripts.site.building import SiteFailure, build, menu
from tests.docs.blocks import blocks, pages

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}
"""Elements that load what an attribute names, by the attribute."""


BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Loaded(HTMLParser):
    """What an HTML page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and "canonical" not in (given.get("rel") or ""):
            self.found.append(given.get("href") or "")
        if address := given.get(LOADING.get(tag, "")):
            self.found.append(address)


def lay_out(folder: Path, named: Sequence[str]) -> None:
    """Writes a README, and below `docs` the pages of these names."""
    for page in ["README.md", *(f"docs/{name}" for name in named if name != "readme.md")]:
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text("# A page\n", encoding="utf-8")
    (folder / "docs").mkdir(exist_ok=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that was built."""
    try:
        return build(tmp_path_factory.mktemp("site")).parent
    except (EnvironmentFailure, RegistryUnreachable) as failure:
        pytest.skip(str(failure))


def test_every_page_is_there(site: Path) -> None:
    documents = [page.removeprefix("docs/").replace("README", "readme") for page in pages()]
    assert set(menu()) <= set(documents)
    for page in documents:
        assert (site / page).with_suffix(".html").is_file()


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for file in site.rglob("*.html"):
        page = Loaded()
        page.feed(file.read_text(encoding="utf-8"))
        assert page.found
        for address in page.found:
            assert not re.match(r"([a-z]+:)?//", address), f"{file.name} loads {address}"
            path = address.partition("?")[0].partition("#")[0]
            from_root = site / path.removeprefix("/")
            assert (from_root if path.startswith("/") else file.parent / path).exists(), f"{file.name}: {address}"
    for file in site.rglob("*.css"):
        assert re.findall(r"url\(\s*['\"]?(?:https?:)?//|@import", file.read_text(encoding="utf-8")) == [], file.name


def test_a_browser_without_a_network_draws_every_diagram(site: Path, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"there is no browser: {', '.join(BROWSERS)}")
    blank = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    # Names lead nowhere, and its clock runs ahead until nothing is waited for.
    blank += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=20000", "--dump-dom"]
    page = (site / "diagrams.html").as_uri()
    shown = subprocess.run([browser, *blank, page], capture_output=True, text=True, check=True).stdout
    drawn = sum(block.language == "mermaid" for block in blocks("docs/diagrams.md"))
    assert drawn > 0
    assert (shown.count('<pre class="mermaid"'), shown.count('<div class="mermaid"')) == (0, drawn)


@pytest.mark.usefixtures("site")
def test_a_link_that_leads_nowhere_fails_the_site(tmp_path: Path) -> None:
    documents = tmp_path / "docs"
    lay_out(tmp_path, menu())
    (documents / "plan.md").write_text("# A page\n\n[gone](absent.md)\n", encoding="utf-8")
    with pytest.raises(SiteFailure, match=r"absent\.md"):
        build(tmp_path / "site", documents)


@pytest.mark.usefixtures("site")
def test_a_page_that_the_menu_does_not_name_comes_last(tmp_path: Path) -> None:
    lay_out(tmp_path, [*menu(), "lost.md"])
    text = build(tmp_path / "site", tmp_path / "docs").read_text(encoding="utf-8")
    assert text.rindex('href="./lost.html"') > text.index('href="./explanation/security-model.html"')


@pytest.mark.usefixtures("site")
def test_a_page_that_only_the_menu_names_fails_the_site(tmp_path: Path) -> None:
    lay_out(tmp_path, [])
    with pytest.raises(SiteFailure, match=r"names docs/index\.md, which is not there"):
        build(tmp_path / "site", tmp_path / "docs")
