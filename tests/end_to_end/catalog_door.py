"""Service Catalog's door: a person of an application team who launches what a portfolio offers, and no more."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3

from tests.end_to_end.running import Project

DEVELOPER = "Developers-of-orders"
PATTERN = "arn:aws:iam:::role/Developers*"
SECONDS = 120.0


@dataclass(frozen=True)
class Launched:
    """What became of a request: its status, the reasons of a failure, and what the stack puts out."""

    status: str
    errors: tuple[str, ...]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Developer:
    """A role of an account with rights on Service Catalog alone, in a Region."""

    project: Project
    account: str
    region: str

    def admit(self) -> None:
        """Makes the role."""
        iam = self.project.client("iam", self.region, self.account)
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"}}
        iam.create_role(RoleName=DEVELOPER, AssumeRolePolicyDocument=_policy(trust | {"Action": "sts:AssumeRole"}))
        rights = {"Effect": "Allow", "Action": "servicecatalog:*", "Resource": "*"}
        iam.put_role_policy(RoleName=DEVELOPER, PolicyName="launch", PolicyDocument=_policy(rights))

    @property
    def catalog(self) -> Any:
        """A client of Service Catalog with the role's rights."""
        sts = self.project.client("sts", self.region, self.account)
        arn = f"arn:aws:iam::{self.account}:role/{DEVELOPER}"
        key = sts.assume_role(RoleArn=arn, RoleSessionName="orders")["Credentials"]
        return boto3.client(
            "servicecatalog",
            endpoint_url=self.project.emulator["endpoint"],
            region_name=self.region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key["SessionToken"],
        )

    def product(self) -> tuple[str, dict[str, str]]:
        """Returns the only product that may be launched, and its versions' ids by name."""
        client = self.catalog
        (found,) = client.search_products()["ProductViewSummaries"]
        owner = self.project.client("servicecatalog", self.region)
        versions = owner.list_provisioning_artifacts(ProductId=found["ProductId"])["ProvisioningArtifactDetails"]
        return found["ProductId"], {one["Name"]: one["Id"] for one in versions}

    def provision(self, name: str, version: str, values: Mapping[str, str], **tags: str) -> Launched:
        """Launches a version under a name and waits."""
        product, versions = self.product()
        answer = self.catalog.provision_product(
            ProductId=product,
            ProvisioningArtifactId=versions[version],
            ProvisionedProductName=name,
            ProvisioningParameters=[{"Key": key, "Value": value} for key, value in values.items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            ProvisionToken=str(uuid4()),
        )
        return self.ended(answer["RecordDetail"]["RecordId"])

    def update(self, name: str, version: str, values: Mapping[str, str], kept: Mapping[str, str]) -> Launched:
        """Updates what was launched to a version with values; `kept` keep what they were."""
        _, versions = self.product()
        answer = self.catalog.update_provisioned_product(
            ProvisionedProductName=name,
            ProvisioningArtifactId=versions[version],
            ProvisioningParameters=[
                *({"Key": key, "Value": value} for key, value in values.items()),
                *({"Key": key, "UsePreviousValue": True} for key in kept if key not in values),
            ],
            UpdateToken=str(uuid4()),
        )
        return self.ended(answer["RecordDetail"]["RecordId"])

    def terminate(self, name: str) -> Launched:
        """Removes what was launched."""
        answer = self.catalog.terminate_provisioned_product(ProvisionedProductName=name, TerminateToken=str(uuid4()))
        return self.ended(answer["RecordDetail"]["RecordId"])

    def ended(self, record: str) -> Launched:
        """Waits for the end of a request."""
        client, deadline = self.catalog, time.monotonic() + SECONDS
        while True:
            found = client.describe_record(Id=record)
            detail = found["RecordDetail"]
            if detail["Status"] in ("SUCCEEDED", "FAILED"):
                break
            assert time.monotonic() < deadline, detail
            time.sleep(0.2)
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found["RecordOutputs"]}
        return Launched(detail["Status"], tuple(one["Description"] for one in detail["RecordErrors"]), outputs)


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
