"""An ASGI application that does nothing but answer: what HTTP itself costs.

PORT says where it listens on 127.0.0.1; ANSWERS names a JSON file of answers by request body.
"""

import json
import os
from pathlib import Path
from typing import Any

import uvicorn

_ANSWERS = {
    body.encode(): answer.encode() for body, answer in json.loads(Path(os.environ["ANSWERS"]).read_text()).items()
}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with what is kept for the request's body."""
    if scope["type"] != "http":
        return
    answer = _ANSWERS.get((await receive()).get("body", b""), b"{}")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="error",
        access_log=False,
    )
