"""Which tools a gateway target was last told to list: records in the artifact bucket, one a target.

AgentCore tells when a target last listed its tools, and not which. So each synchronization is recorded with the hash of
the tool contract and that moment; a target that has listed them at another moment since did so at somebody else's wish,
and its record counts no more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

PREFIX: Final = "synchronized"


@dataclass(frozen=True)
class SynchronizedTools:
    """The records in the artifact bucket of the publishing account, reached through the client `s3`."""

    s3: Any
    bucket: str
    owner: str

    def holds(self, target: Mapping[str, Any], tools: str, listed: datetime) -> bool:
        """Returns whether a gateway target, as it is read back, listed at that moment the tools of that hash.

        A record that is missing, damaged or not to be read only costs a synchronization that was not needed.
        """
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=_key(target), ExpectedBucketOwner=self.owner)
            record = json.loads(answer["Body"].read())
        except (ClientError, ValueError):
            return False
        return bool(record == _record(tools, listed))

    def keep(self, target: Mapping[str, Any], tools: str, listed: datetime) -> None:
        """Records that a gateway target listed the tools of that hash at that moment."""
        self.s3.put_object(
            Bucket=self.bucket,
            Key=_key(target),
            Body=json.dumps(_record(tools, listed)).encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self.owner,
        )


def _record(tools: str, listed: datetime) -> dict[str, str]:
    return {"listed": listed.isoformat(), "tools": tools}


def _key(target: Mapping[str, Any]) -> str:
    gateway = str(target["gatewayArn"]).rpartition("/")[2]
    return f"{PREFIX}/{gateway}/{target['targetId']}.json"
