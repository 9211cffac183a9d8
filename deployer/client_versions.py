"""The exact versions that clients' configurations name: those of the lock, which the tests run."""

from deployer.client_configurations import PROXY
from deployer.environments import EnvironmentFailure, locked_version
from deployer.errors import UsageError


def versions() -> dict[str, str]:
    """Returns the exact versions that configurations name, from the lock: those that the tests run.

    Raises UsageError where the lock is not there or does not pin them.
    """
    try:
        found = {package: locked_version("default", package) for package in ("boto3", "httpx2", "mcp")}
        return {PROXY: locked_version("clients", PROXY), **found}
    except EnvironmentFailure as error:
        raise UsageError(str(error)) from error
