"""The templates that a stack set's targets were launched from, read back from the artifact bucket.

AWS gives back the text of a stack set's own template, and none of those nested in it: a target's account may be out of
reach. But what is in the bucket never changes under its name, and each template names its children.
"""

from typing import Any, Final

import yaml
from botocore.exceptions import ClientError

from generator.evaluation import STACK

MOST: Final = 100
"""So many templates are read at most: a runtime has about ten."""


def standing_templates(s3: Any, bucket: str, owner: str, base_url: str, root_url: str) -> dict[str, Any]:
    """Returns the root template and all that it reaches, by URL; empty where one of them is not in the bucket.

    `base_url` is the bucket's, without a slash at the end.
    """
    found: dict[str, Any] = {}
    waiting = [root_url]
    while waiting:
        url = waiting.pop()
        if url in found:
            continue
        if not url.startswith(f"{base_url}/") or len(found) == MOST:
            return {}
        try:
            answer = s3.get_object(Bucket=bucket, Key=url.removeprefix(f"{base_url}/"), ExpectedBucketOwner=owner)
            template = yaml.load(answer["Body"].read(), yaml.CSafeLoader)
        except (ClientError, yaml.YAMLError):
            return {}
        found[url] = template
        waiting += [
            resource["Properties"]["TemplateURL"]
            for resource in template["Resources"].values()
            if resource["Type"] == STACK
        ]
    return found
