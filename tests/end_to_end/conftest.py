"""What the end-to-end tests share: a project of its own for each file of tests."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.running import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with the example configuration; its AWS ends with the file's tests."""
    found = Project(tmp_path_factory.mktemp("project"))
    found.configure()
    try:
        yield found
    finally:
        found.end()
