"""How the reference pages are made of the code: cells hold any text, and what a field says is read as it is written."""

from deployer.reference import configuration, parameters, server_settings
from deployer.reference.markdown import table


def test_cells_hold_bars_brackets_and_line_breaks() -> None:
    assert table(["a", "b"], [["x|y\nz", "<b> `<c>|d`"]]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        r"| x\|y z | &lt;b> `<c>\|d` |",
    ]


def test_a_variable_has_its_meaning_its_default_and_its_bounds() -> None:
    text = server_settings.page()
    assert "| `MAX_BODY_BYTES` | largest body of a request | `4194304` | 1024 to 4194304 |  |" in text
    assert "| `LOG_LEVEL` | one of `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` | `INFO` |  | yes |" in text
    assert "| `TRACES`, `TRACES_URL` | where spans go, as OTLP over HTTP; empty: there are none" in text
    assert "| `TOKEN_SCOPE_CLAIM` |" in text.partition("## Tokens")[2]


def test_a_setting_is_told_in_the_words_of_its_parameter_or_of_the_example() -> None:
    text = configuration.page()
    (row,) = [line for line in text.splitlines() if line.startswith("| `server_token_check` |")]
    assert row.endswith('| `true`, `false`, `"auto"` | `"auto"` |')
    (row,) = [line for line in text.splitlines() if line.startswith("| `permission_model` |")]
    assert row.startswith('| `permission_model` | "self-managed" or "service-managed": the targets are')
    (row,) = [line for line in text.splitlines() if line.startswith("| `compute.task_size` |")]
    assert row == "| `compute.task_size` | `256-512` | `1024-2048` |"


def test_parameters_name_the_key_that_sets_them_and_outputs_what_they_are() -> None:
    text = parameters.parameters_page()
    assert "| `ParentDomain`<br>Parent domain<br>`address.parent_domain` |" in text
    assert "[one of these](#all-values-of-long-choices)" in text
    assert "| `GatewayUrl` | URL that agents call" in parameters.outputs_page()
