"""What tables print is what they were given."""

import pytest

from deployer.tables import console, show

ARN = "arn:aws:secretsmanager:us-east-1:111111111111:secret:tools-AbCdEf"


def test_texts_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show("", ["what"], [[f"[bold]{ARN}[/bold]"]])
    console().print(ARN)
    shown = capsys.readouterr().out
    assert f"[bold]{ARN}[/bold]" in shown
    assert ARN in shown.splitlines()
