"""Service Catalog: what AWS refuses is refused, and a portfolio is seen where it is shared."""

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.portfolio_shares import Portfolio, accept, admit
from deployer.sections import Catalog
from tests.emulator.running_emulator import ACCOUNT, RunningEmulator

OTHER = "444455556666"
BUCKET = "products-of-the-tests"
TEMPLATE = {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}}


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def catalog(emulator: RunningEmulator) -> Any:
    return emulator.client("servicecatalog")


@pytest.fixture(scope="module")
def portfolio(catalog: Any) -> str:
    made = catalog.create_portfolio(DisplayName="Runtimes", ProviderName="Platform", IdempotencyToken="1")
    return str(made["PortfolioDetail"]["Id"])


@pytest.fixture(scope="module")
def product(emulator: RunningEmulator, catalog: Any) -> str:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="good.json", Body=json.dumps(TEMPLATE).encode())
    s3.put_object(Bucket=BUCKET, Key="bad.json", Body=b'{"Resources": {}}')
    made = catalog.create_product(
        Name="Runtime",
        Owner="Platform",
        ProductType="CLOUD_FORMATION_TEMPLATE",
        ProvisioningArtifactParameters=version("v1", "good.json"),
        IdempotencyToken="1",
    )
    return str(made["ProductViewDetail"]["ProductViewSummary"]["ProductId"])


def version(name: str, key: str) -> dict[str, Any]:
    return {"Name": name, "Info": {"LoadTemplateFromURL": f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{key}"}}


def constraint(catalog: Any, portfolio: str, product: str, kind: str, **parameters: Any) -> str:
    made = catalog.create_constraint(
        PortfolioId=portfolio, ProductId=product, Type=kind, Parameters=json.dumps(parameters), IdempotencyToken="1"
    )
    return str(made["ConstraintDetail"]["ConstraintId"])


def test_constraint_needs_the_product_in_the_portfolio_and_goes_before_it(
    catalog: Any, portfolio: str, product: str
) -> None:
    def launch() -> str:
        return constraint(catalog, portfolio, product, "LAUNCH", LocalRoleName="Launch")

    assert refusal(launch) == "ResourceNotFoundException"
    catalog.associate_product_with_portfolio(PortfolioId=portfolio, ProductId=product)
    made = launch()
    assert refusal(launch) == "DuplicateResourceException"
    both = {"AccountList": [ACCOUNT], "RegionList": ["us-east-1"], "AdminRole": "a", "ExecutionRole": "b"}
    assert (
        refusal(lambda: constraint(catalog, portfolio, product, "STACKSET", Properties=both))
        == "InvalidParametersException"
    )
    leave = {"PortfolioId": portfolio, "ProductId": product}
    assert refusal(lambda: catalog.disassociate_product_from_portfolio(**leave)) == "ResourceInUseException"
    assert refusal(lambda: catalog.delete_product(Id=product)) == "ResourceInUseException"
    assert refusal(lambda: catalog.delete_portfolio(Id=portfolio)) == "ResourceInUseException"
    catalog.delete_constraint(Id=made)


def test_version_needs_a_template_that_is_one(catalog: Any, product: str) -> None:
    def make(name: str, key: str, token: str) -> str:
        made = catalog.create_provisioning_artifact(
            ProductId=product, Parameters=version(name, key), IdempotencyToken=token
        )
        return str(made["ProvisioningArtifactDetail"]["Id"])

    assert refusal(lambda: make("v2", "bad.json", "2")) == "InvalidParametersException"
    assert refusal(lambda: make("v2", "gone.json", "2")) == "InvalidParametersException"
    assert make("v2", "good.json", "3") == make("v2", "good.json", "3")


def test_root_and_patterns_with_an_account_are_no_principals(catalog: Any, portfolio: str) -> None:
    for arn, kind in ((f"arn:aws:iam::{ACCOUNT}:root", "IAM"), (f"arn:aws:iam::{ACCOUNT}:role/*", "IAM_PATTERN")):
        wanted = {"PortfolioId": portfolio, "PrincipalARN": arn, "PrincipalType": kind}
        assert refusal(partial(catalog.associate_principal_with_portfolio, **wanted)) == "InvalidParametersException"


def test_share_with_an_account_is_there_once_it_is_accepted(
    emulator: RunningEmulator, catalog: Any, portfolio: str
) -> None:
    other = emulator.client("servicecatalog", OTHER)
    assert refusal(lambda: accept(other, portfolio)) == "ResourceNotFoundException"
    catalog.create_portfolio_share(PortfolioId=portfolio, AccountId=OTHER)
    assert accept(other, portfolio)
    assert not accept(other, portfolio)
    wanted = {"PortfolioId": portfolio, "AccountId": OTHER, "SharePrincipals": True}
    assert refusal(partial(catalog.update_portfolio_share, **wanted)) == "InvalidParametersException"
    settings = dataclasses.replace(Catalog(), share_accounts=(OTHER,), share_principals=True)
    assert not Portfolio(catalog, portfolio).share(settings, 0.01)
    (share,) = catalog.describe_portfolio_shares(PortfolioId=portfolio, Type="ACCOUNT")["PortfolioShareDetails"]
    assert (share["Accepted"], share["SharePrincipals"]) == (True, False)
    admit(other, portfolio, ["arn:aws:iam:::role/Developers*"])
    admit(other, portfolio, ["arn:aws:iam:::role/Developers*"])
    (principal,) = other.list_principals_for_portfolio(PortfolioId=portfolio)["Principals"]
    assert principal == {"PrincipalARN": "arn:aws:iam:::role/Developers*", "PrincipalType": "IAM_PATTERN"}
    assert not catalog.list_principals_for_portfolio(PortfolioId=portfolio)["Principals"]


def test_share_with_a_unit_takes_an_organization_that_lets_the_service_in(
    emulator: RunningEmulator, catalog: Any, portfolio: str
) -> None:
    mine = Portfolio(catalog, portfolio)
    settings = dataclasses.replace(Catalog(), share_organization="ou-ab12-11111111")
    assert refusal(lambda: mine.share(settings, 0.01)) == "OperationNotSupportedException"
    organizations = emulator.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="teams")["OrganizationalUnit"]["Id"]
    made = organizations.create_account(Email="orders@example.com", AccountName="orders")["CreateAccountStatus"]
    organizations.move_account(AccountId=made["AccountId"], SourceParentId=root, DestinationParentId=unit)
    catalog.enable_aws_organizations_access()
    assert refusal(lambda: mine.share(settings, 0.01)) == "ResourceNotFoundException"
    settings = dataclasses.replace(settings, share_organization=unit)
    assert mine.share(settings, 0.01)
    assert not mine.share(settings, 0.01)
    member = emulator.client("servicecatalog", made["AccountId"])
    (seen,) = member.list_accepted_portfolio_shares()["PortfolioDetails"]
    assert seen["Id"] == portfolio
    assert mine.share(Catalog(), 0.01)
    assert not mine.share(Catalog(), 0.01)
    assert not member.list_accepted_portfolio_shares()["PortfolioDetails"]
