"""AWS::SecretsManager::Secret: Ref is the secret's ARN ("Return values" of the type); ministack gives its name.

Refusals: CreateSecret in the Secrets Manager API reference.
"""

from collections.abc import Mapping

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.bridge_data_plane import secret_name
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler


class SecretHandler(Checked):
    """Ref is the ARN."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is taken, by a secret that waits for its deletion too, and for a value that
        is both given and generated.
        """
        name = str(props.get("Name") or "")
        if "SecretString" in props and "GenerateSecretString" in props:
            raise HandlerFailed("You can't specify both SecretString and GenerateSecretString.", "InvalidRequest")
        if not name or own_id:
            return
        try:
            found = bridge.client("secretsmanager").describe_secret(SecretId=name)
        except ClientError:
            return
        text = f"The operation failed because the secret {name} already exists."
        if "DeletedDate" in found:
            text = "You can't create this secret because a secret with this name is already scheduled for deletion."
        raise HandlerFailed(text, "AlreadyExists")

    def reference(self, inner_id: str, attributes: Properties, props: Properties) -> str:
        """Return the ARN."""
        return str(attributes["Arn"])

    def inner_id(self, physical_id: str) -> str:
        """Return the name."""
        return secret_name(physical_id)


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::SecretsManager::Secret": SecretHandler("AWS::SecretsManager::Secret")}
