"""Every command of the documentation is executed, or says that it needs AWS."""

from collections.abc import Callable, Iterator

import pytest

from tests.docs.blocks import AWS, INTEGRATION, INTERRUPTED, RUN, blocks, pages
from tests.docs.running import Reader, integrated

FIRST = "docs/tutorial/first-tool.md"
OTHERS = [page for page in pages() if page != FIRST and any(block.is_shell for block in blocks(page))]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody who has followed the tutorial: its runtime stands."""
    found = Reader(tmp_path_factory.mktemp("reader"))
    try:
        found.follow(FIRST)
        yield found
    finally:
        found.end()


@pytest.mark.parametrize("page", pages())
def test_every_block_says_what_it_is(page: str) -> None:
    for block in blocks(page):
        assert block.language, f"{block.place}: a block without a language; `text` is one"
        assert block.indent % 4 == 0, f"{block.place}: in a list the site wants blocks indented by four"
        if block.is_shell:
            known = block.marker in (AWS, INTERRUPTED) or RUN.fullmatch(block.marker)
            assert known or INTEGRATION.fullmatch(block.marker), f"{block.place}: the commands have no marker"


def test_the_tutorial_does_what_it_says(reader: Reader) -> None:
    assert "python build.py deploy --local" in reader.counts.executed


@pytest.mark.parametrize("page", OTHERS)
def test_a_page_s_commands_do_what_it_says(reader: Reader, page: str) -> None:
    before = len(reader.counts.executed + reader.counts.aws + reader.counts.integration)
    reader.follow(page)
    assert len(reader.counts.executed + reader.counts.aws + reader.counts.integration) > before


def test_no_command_is_left_out(reader: Reader, record_property: Callable[[str, object], None]) -> None:
    counts = reader.counts
    record_property(
        "figure",
        f"documentation: {len(counts.executed)} commands executed ({len(set(counts.executed))} different ones),"
        f" {len(counts.integration)} run by continuous integration, {len(counts.aws)} need AWS",
    )
    written = [block for page in reader.followed for block in blocks(page) if block.is_shell]
    parts = [
        part
        for block in written
        for command in block.commands
        for part in (command.split(" && ") if INTEGRATION.fullmatch(block.marker) else [command])
    ]
    assert len(counts.executed + counts.integration + counts.aws) == len(parts)
    assert set(counts.aws) <= set(parts)


def test_what_continuous_integration_runs_is_in_the_readme() -> None:
    assert integrated()[-1] == "python -m pytest"
