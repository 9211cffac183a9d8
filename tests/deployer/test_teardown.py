"""What may not be taken away is refused before anything is."""

import pytest

from deployer.standing import is_protected


@pytest.mark.parametrize(
    ("parameters", "protected"),
    [
        ({"DeletionProtection": "on", "Preset": "development"}, True),
        ({"DeletionProtection": "off", "Preset": "production"}, False),
        ({"DeletionProtection": "preset", "Preset": "production"}, True),
        ({"DeletionProtection": "preset", "Preset": "development"}, False),
        ({}, False),
    ],
)
def test_protection_follows_from_choice_and_preset(parameters: dict[str, str], protected: bool) -> None:
    assert is_protected(parameters) is protected
