"""AWS::Cognito::UserPool: a pool under deletion protection stays (DeleteUserPool, API reference)."""

from collections.abc import Mapping

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler


class UserPoolHandler(Checked):
    """Ref is the pool's id."""

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the pool. Raises ValueError while it is protected."""
        try:
            pool = bridge.client("cognito-idp").describe_user_pool(UserPoolId=physical_id)["UserPool"]
        except ClientError:
            pool = {}
        if pool.get("DeletionProtection") == "ACTIVE":
            text = "The user pool cannot be deleted because deletion protection is activated."
            raise HandlerFailed(f"{text} Deletion protection must be inactivated first.", "InvalidRequest")
        super().delete(physical_id, props)


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::Cognito::UserPool": UserPoolHandler("AWS::Cognito::UserPool")}
