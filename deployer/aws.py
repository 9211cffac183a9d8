"""Sessions and clients: one entry for AWS, for an AWS-compatible endpoint and for the emulator of this machine.

What boto3 raises about credentials and connections becomes one sentence here. The first call, `Aws.identity`, is made
before anything is changed, so that a credential that is missing or expired ends in `UsageError`.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, ClassVar, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from deployer.errors import OutOfReachError, RefusedError, UsageError

ATTEMPTS: Final = 10
FIRST_ATTEMPTS: Final = 4
"""Of the first call, which changes nothing: somebody waits to hear that the endpoint is wrong."""
SESSION_NAME: Final = "mcp-runtime-deployer"
DENIED: Final = ("AccessDenied", "AccessDeniedException")
CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60
STANDARD_RETRIES: Final = ("s3", "sts")
"""Services with standard retries. Adaptive retries slow a client down after a throttled call, which is right for the
control planes, whose rates are an account's. S3 scales by prefix and STS is called once: waiting there helps no one."""

CREDENTIAL_CODES: Final = frozenset(
    {
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Error codes with which AWS refuses the credentials of `sts:GetCallerIdentity`, which needs no permission."""


@dataclass(frozen=True)
class Access:
    """How AWS is reached: what the command line's options say, or the emulator's key.

    `target_role` is the name of a role that the credentials assume in other accounts, or empty. `emulator_key` is the
    secret access key of every emulated account, whose id is the access key; empty on AWS.
    """

    profile: str = ""
    region: str = ""
    endpoint_url: str = ""
    target_role: str = ""
    emulator_key: str = ""


@dataclass
class Aws:
    """Clients by service, account and Region, each made once."""

    access: Access
    emulated_account: str = ""
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _account: str = ""
    _sessions: dict[str, Any] = field(default_factory=dict)
    _own_sessions: dict[str, Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def emulated(self) -> bool:
        """Whether AWS is the emulator of this machine."""
        return bool(self.access.emulator_key)

    @property
    def region(self) -> str:
        """The Region of the options, of the profile or of the environment; empty where none says one."""
        if self.access.region:
            return self.access.region
        return "" if self.emulated else str(self._session("").region_name or "")

    def identity(self) -> str:
        """Returns the account of the credentials, asked once.

        Raises UsageError where there are no credentials, where AWS refuses them or where it cannot be reached.
        """
        if not self._account:
            with credential_sentences():
                client = self._make("sts", self.emulated_account, self.region or "us-east-1", FIRST_ATTEMPTS)
                self._account = str(client.get_caller_identity()["Account"])
        return self._account

    def reaches(self, account: str) -> bool:
        """Returns whether the account can be read: the credentials' own, and others where they may take the role there.

        The emulator has a key for every account.
        """
        return self.emulated or account == self.identity() or self._assumed(account) is not None

    def as_role(self, role_arn: str) -> "Aws":
        """Returns AWS with a role's rights in the role's own account.

        Raises RefusedError where these credentials may not assume it.
        """
        client = self._make("sts", self.emulated_account, self.region or "us-east-1")
        try:
            client.assume_role(RoleArn=role_arn, RoleSessionName=SESSION_NAME)
        except ClientError as error:
            if error.response["Error"]["Code"] not in (*DENIED, "ValidationError"):
                raise
            raise RefusedError(
                f"The role {role_arn} cannot be assumed with these credentials: its trust policy must name them, and"
                " they need sts:AssumeRole on it."
            ) from error
        access = Access(region=self.access.region, endpoint_url=self.access.endpoint_url)
        return Aws(access, _own_sessions={"": assumed_session(client, role_arn, self.access.region)})

    def client(self, service: str, account: str, region: str) -> Any:
        """Returns the client of a service in an account and Region.

        Raises OutOfReachError for an account that cannot be read.
        """
        if not self.reaches(account):
            raise OutOfReachError(
                f"The credentials are of account {self.identity()} and cannot read account {account}; name a role there"
                " that they may assume as stack_set.access_role_name, or run the command with a profile of account"
                f" {account}."
            )
        with self._lock:
            key = (service, account, region)
            if key not in self._clients:
                self._clients[key] = self._make(service, account, region)
            return self._clients[key]

    def credentials(self, account: str) -> Any:
        """Returns botocore's credentials for signing requests by hand, frozen, of the given account."""
        if not self.reaches(account):
            raise OutOfReachError(
                f"The credentials are of account {self.identity()} and cannot sign for account {account}; run the"
                f" command with a profile of account {account}."
            )
        found = self._session(account).get_credentials()
        if found is None:
            raise UsageError(NO_CREDENTIALS)
        return found.get_frozen_credentials()

    def bucket_url(self, bucket: str, region: str) -> str:
        """Returns the URL under which CloudFormation reads the bucket's objects, virtual-hosted and without a slash."""
        return f"https://{bucket}.s3.{region}.{dns_suffix(region)}"

    def _session(self, account: str) -> Any:
        """Returns the session that acts in an account, made once: its clients share what it has loaded."""
        if not self.emulated and account and account != self.identity():
            return self._assumed(account)
        key = account if self.emulated else ""
        if key not in self._own_sessions:
            self._own_sessions[key] = self._made_session(account)
        return self._own_sessions[key]

    def _made_session(self, account: str) -> Any:
        if self.emulated:
            return boto3.Session(
                aws_access_key_id=account,
                aws_secret_access_key=self.access.emulator_key,
                region_name=self.access.region or "us-east-1",
            )
        try:
            return boto3.Session(profile_name=self.access.profile or None, region_name=self.access.region or None)
        except ProfileNotFound as error:
            raise UsageError(
                f"There is no AWS profile named {self.access.profile!r}; `aws configure list-profiles` lists those that"
                " there are."
            ) from error

    def _assumed(self, account: str) -> Any:
        """Returns a session of the role in another account, or None where there is no role or it may not be assumed."""
        if not self.access.target_role:
            return None
        if account not in self._sessions:
            source = self._session("")
            region = self.region or "us-east-1"
            partition = source.get_partition_for_region(region)
            role = f"arn:{partition}:iam::{account}:role/{self.access.target_role}"
            client = self._make("sts", "", region)
            try:
                client.assume_role(RoleArn=role, RoleSessionName=SESSION_NAME)
            except ClientError as error:
                if error.response["Error"]["Code"] not in DENIED:
                    raise
                self._sessions[account] = None
            else:
                self._sessions[account] = assumed_session(client, role, self.access.region)
        return self._sessions[account]

    def _make(self, service: str, account: str, region: str, attempts: int = ATTEMPTS) -> Any:
        if self.access.endpoint_url and not re.match("https?://", self.access.endpoint_url):
            raise UsageError(
                f"{self.access.endpoint_url!r} is no URL of an AWS endpoint; give one such as http://127.0.0.1:4566."
            )
        mode = "standard" if service in STANDARD_RETRIES else "adaptive"
        config = Config(
            retries={"mode": mode, "total_max_attempts": attempts},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            # An emulator or another endpoint answers under one name, not under a name for each bucket.
            s3={"addressing_style": "path"} if self.access.endpoint_url else None,
        )
        try:
            return self._session(account).client(
                service, region_name=region, endpoint_url=self.access.endpoint_url or None, config=config
            )
        except ValueError as error:
            raise UsageError(f"{self.access.endpoint_url!r} is no URL of an AWS endpoint: {error}.") from error


@dataclass(frozen=True)
class _RoleProvider:
    """A provider of a credential resolver, which asks for no more than a name and `load`."""

    fetch: Callable[[], Mapping[str, str]]
    METHOD: ClassVar[str] = "assume-role"

    def load(self) -> Any:
        return DeferredRefreshableCredentials(refresh_using=self.fetch, method=self.METHOD)


def assumed_session(client: Any, role: str, region: str) -> Any:
    """Returns a session with a role's credentials, which are renewed before they end: an hour is soon over."""

    def fetch() -> dict[str, str]:
        given = client.assume_role(RoleArn=role, RoleSessionName=SESSION_NAME)["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    session = botocore.session.Session()
    session.register_component("credential_provider", CredentialResolver([_RoleProvider(fetch)]))
    return boto3.Session(botocore_session=session, region_name=region or None)


NO_CREDENTIALS: Final = (
    "There are no AWS credentials; run `aws configure` or `aws sso login`, choose a profile with --profile, or try"
    " the command with --local."
)


@cache
def _unconfigured() -> boto3.Session:
    """Returns a session for what boto3 itself knows: a profile that is missing, or a broken file, does not matter."""
    nothing: dict[str, tuple[Any, ...]] = {"profile": (None, None, None, None)}
    nothing |= dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=nothing))


@cache
def dns_suffix(region: str) -> str:
    """Returns the domain of a Region's AWS endpoints, such as amazonaws.com; reads no network."""
    config = Config(ignore_configured_endpoint_urls=True)
    endpoint = _unconfigured().client("cloudformation", region_name=region, config=config).meta.endpoint_url
    return str(endpoint).partition(f".{region}.")[2]


@cache
def known_regions() -> frozenset[str]:
    """Returns the Regions that boto3 knows for CloudFormation, of every partition; reads no network."""
    session = _unconfigured()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("cloudformation", partition_name=partition)
    )


@cache
def partition_of(region: str) -> str:
    """Returns the partition that a Region lies in, such as aws or aws-cn; reads no network."""
    return str(_unconfigured().get_partition_for_region(region))


@contextmanager
def credential_sentences() -> Iterator[None]:
    """Turns what boto3 raises about credentials and connections into UsageError: nothing was changed yet."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise UsageError(NO_CREDENTIALS) from error
    except NoRegionError as error:
        raise UsageError("No AWS Region is set; give one with --region or in the profile.") from error
    except (TokenRetrievalError, SSOError) as error:
        raise UsageError("The sign-in of the AWS profile has ended; run `aws sso login` and try again.") from error
    except ClientError as error:
        if error.response["Error"]["Code"] in CREDENTIAL_CODES:
            raise UsageError(
                f"AWS refuses the credentials ({error.response['Error']['Code']}); renew them or choose another profile"
                " with --profile."
            ) from error
        raise
    except ResponseParserError as error:
        raise UsageError(
            "What answers in AWS's place does not speak its protocol; check --endpoint-url and proxies."
        ) from error
    except (EndpointConnectionError, HTTPClientError) as error:
        raise UsageError(f"AWS cannot be reached ({_plain(error)}); check the network and --endpoint-url.") from error
    except BotoCoreError as error:
        raise UsageError(f"AWS cannot be asked ({_plain(error)}); check the AWS profile and its files.") from error


@contextmanager
def aws_sentences() -> Iterator[None]:
    """Turns what boto3 raises in the middle of a command into RefusedError: one sentence with the call's name."""
    try:
        yield
    except ClientError as error:
        raise RefusedError(refusal(error)) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise UsageError(NO_CREDENTIALS) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise RefusedError(f"AWS could not be asked ({_plain(error)}); run the same command again.") from error


def refusal(error: ClientError) -> str:
    """Returns what AWS refused as one sentence: the call, the code and AWS's own words."""
    details = error.response["Error"]
    message = " ".join(str(details.get("Message", "")).split()).rstrip(".")
    # S3 answers HEAD without a body: expired credentials are a bare 400 there ("Error responses", S3 API reference).
    expired = details["Code"] in CREDENTIAL_CODES - {"AccessDeniedException"}
    expired = expired or (details["Code"] == "400" and error.operation_name.startswith("Head"))
    advice = "; renew the credentials and run the same command again, it goes on where it stopped" if expired else ""
    return f"AWS refused {error.operation_name} ({details['Code']}): {message}{advice}."


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
