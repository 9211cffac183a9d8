"""Links that open CloudFormation's console with a stack's form filled in; pure.

Source of the form: CloudFormation user guide, "Create quick-create links for stacks": `templateURL`, `stackName` and
`param_<name>` in the fragment; unknown parameters, and those with NoEcho, are ignored. Hosts: AWS
General Reference, "AWS Management Console endpoints and quotas"; those of the other partitions from AWS's own launch
links there.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

DOMAINS: Final[Mapping[str, str]] = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""The console's domain by partition; that of other partitions is not known here."""
LENGTH: Final = 8000
"""Longer addresses need not be taken by what they pass through (RFC 9110, section 4.1): before a person has signed in,
the console hands the fragment to the sign-in page as part of an address."""
BUTTON: Final = "https://s3.amazonaws.com/cloudformation-examples/cloudformation-launch-stack.png"
"""AWS's own picture of a button."""
_PREFIX: Final = "param_"


def quick_create(partition: str, region: str, template_url: str, stack_name: str, parameters: Mapping[str, str]) -> str:
    """Returns the link of a Region's console; raises KeyError for a partition whose console is not known."""
    host = f"{region}.{DOMAINS[partition]}"
    given = {"templateURL": template_url, "stackName": stack_name}
    given |= {f"{_PREFIX}{name}": value for name, value in sorted(parameters.items())}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())
    return f"https://{host}/cloudformation/home?region={region}#/stacks/create/review?{query}"


def read(link: str) -> tuple[str, str, str, dict[str, str]]:
    """Returns a link's Region, template URL, stack name and parameters, as the console's form reads them."""
    parts = urlsplit(link)
    region = dict(parse_qsl(parts.query))["region"]
    given = dict(parse_qsl(parts.fragment.partition("?")[2], keep_blank_values=True))
    parameters = {name.removeprefix(_PREFIX): value for name, value in given.items() if name.startswith(_PREFIX)}
    return region, given["templateURL"], given["stackName"], parameters


def button(link: str, label: str) -> str:
    """Returns the link as a button in Markdown, for a README or a wiki."""
    return f"[![{label}]({BUTTON})]({link})"
