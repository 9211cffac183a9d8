"""The Service Catalog product in one Region: reading its versions, and making, deprecating and offering them."""

import hashlib
from dataclasses import dataclass
from typing import Any

from deployer.product_versions import DEPRECATED, Edition, Steps, Version


@dataclass(frozen=True)
class Product:
    """A product by its id, through a client of Service Catalog in its Region."""

    client: Any
    identity: str

    def versions(self) -> list[Version]:
        """Returns its versions."""
        found = self.client.list_provisioning_artifacts(ProductId=self.identity)["ProvisioningArtifactDetails"]
        return [
            Version(
                identity=one["Id"],
                name=one.get("Name", ""),
                description=one.get("Description", ""),
                created=one["CreatedTime"],
                active=one.get("Active", True),
                deprecated=one.get("Guidance") == DEPRECATED,
            )
            for one in found
        ]

    def take(self, steps: Steps, edition: Edition, url: str) -> None:
        """Does the steps: the new version first, so that there is always one to launch.

        The token of a version is made of the product and its name: a request that is sent again makes no second one
        (service model, `CreateProvisioningArtifact`, `IdempotencyToken`).
        """
        if steps.make:
            token = hashlib.sha256(f"{self.identity} {edition.name}".encode()).hexdigest()
            self.client.create_provisioning_artifact(
                ProductId=self.identity,
                Parameters={
                    "Name": edition.name,
                    "Description": edition.description,
                    "Info": {"LoadTemplateFromURL": url},
                    "Type": "CLOUD_FORMATION_TEMPLATE",
                },
                IdempotencyToken=token,
            )
        if steps.revive:
            self._update(steps.revive, Active=True, Guidance="DEFAULT")
        for one in steps.deprecate:
            self._update(one, Guidance=DEPRECATED)

    def describe(self, edition: Edition) -> None:
        """Gives the version that the stack made its description, which the stack cannot know for later ones."""
        for one in self.versions():
            if one.name == edition.name and one.description != edition.description:
                self._update(one, Description=edition.description)

    def launches(self) -> list[str]:
        """Returns the names of what this account has launched of it."""
        request: dict[str, Any] = {
            "AccessLevelFilter": {"Key": "Account", "Value": "self"},
            "Filters": {"SearchQuery": [f"productId:{self.identity}"]},
        }
        names: list[str] = []
        while True:
            page = self.client.search_provisioned_products(**request)
            names += [one["Name"] for one in page["ProvisionedProducts"]]
            if not page.get("NextPageToken"):
                return names
            request["PageToken"] = page["NextPageToken"]

    def _update(self, version: Version, **changes: Any) -> None:
        self.client.update_provisioning_artifact(
            ProductId=self.identity, ProvisioningArtifactId=version.identity, **changes
        )
