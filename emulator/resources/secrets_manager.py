"""AWS::SecretsManager::Secret: Ref is the secret's ARN ("Return values" of the type); ministack gives its name."""

from collections.abc import Mapping

from emulator.bridge_data_plane import secret_name
from emulator.checked import Checked
from emulator.handlers import Properties, ResourceHandler


class SecretHandler(Checked):
    """Ref is the ARN."""

    def reference(self, inner_id: str, attributes: Properties, props: Properties) -> str:
        """Return the ARN."""
        return str(attributes["Arn"])

    def inner_id(self, physical_id: str) -> str:
        """Return the name."""
        return secret_name(physical_id)


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::SecretsManager::Secret": SecretHandler("AWS::SecretsManager::Secret")}
