"""Whether the gateway lets in whom a client signs as: its tools are listed with that profile, as the client would."""

from typing import Any, Final

import botocore.session
from botocore.exceptions import ProfileNotFound

from deployer import mcp_client
from deployer.aws import NO_CREDENTIALS, credential_sentences
from deployer.client_configurations import Gateway
from deployer.errors import RefusedError, UsageError
from deployer.network import PublicNetwork

REFUSED: Final = (401, 403)
"""With these the gateway answers whom it does not know, or does not let in."""


def usable_tools(gateway: Gateway) -> list[str]:
    """Returns the names of the tools that the gateway lists for the client's own credentials.

    Raises UsageError where there are none, Unreachable where no answer came, RefusedError where the answer was no.
    """
    auth = mcp_client.Signed(_credentials(gateway), gateway.region)
    try:
        found = mcp_client.list_tools(PublicNetwork(), gateway.url, auth)
    except mcp_client.McpRefused as error:
        if error.status not in REFUSED:
            raise
        policy = gateway.policy or "in the stack's output CallerPolicyArn"
        raise RefusedError(
            f"The gateway does not let in {gateway.signer} (HTTP status {error.status}): attach the policy {policy} to"
            " that role or user, or choose another profile with --client-profile."
        ) from error
    return [tool.name for tool in found]


def _credentials(gateway: Gateway) -> Any:
    own = {"credentials_file": (None, None, gateway.credentials, None)} if gateway.credentials else None
    with credential_sentences():
        try:
            core = botocore.session.Session(profile=gateway.profile or None, session_vars=own)
            found = core.get_credentials()
        except ProfileNotFound as error:
            raise UsageError(
                f"There is no AWS profile named {gateway.profile!r}; `aws configure list-profiles` lists those that"
                " there are."
            ) from error
        if found is None:
            raise UsageError(NO_CREDENTIALS)
        return found.get_frozen_credentials()
