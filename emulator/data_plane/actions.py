"""What a load balancer answers itself: token decisions, fixed responses, redirects, and 503 without a target."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.data_plane.balancers import Action
from emulator.data_plane.exchange import Reply, Request
from emulator.data_plane.routing import ACTION_HEADER
from emulator.data_plane.tokens import TokenCheck, TokenRefused, TokenRule

_DEFAULT_PORTS = {"http": "80", "https": "443"}


class BalancerActions:
    """Handlers for the requests that the front passes on with an action's id."""

    def __init__(self, find: Callable[[str], Action | None], check: TokenCheck, note: Callable[[str], None]) -> None:
        self._find = find
        self._check = check
        self._note = note

    def decide(self, request: Request) -> Reply | None:
        """Answer the front's question whether a request's token is good: 200, or the refusal sent to the client."""
        if not request.path.startswith("/token/"):
            return None
        action = self._find(request.path.removeprefix("/token/"))
        if action is None:
            return Reply(503, _page("503 Service Temporarily Unavailable"), {"content-type": "text/html"})
        rule = TokenRule.from_action(action.body.get("JwtValidationConfig") or {})
        try:
            self._check.require(rule, request.headers.get("authorization"))
        except TokenRefused as refusal:
            self._note(f"load balancer refused {request.headers.get('x-forwarded-uri', '')}: {refusal}")
            text = "401 Authorization Required" if refusal.status == 401 else "503 Service Temporarily Unavailable"
            return Reply(refusal.status, _page(text), {"content-type": "text/html"})
        return Reply(200)

    def answer(self, request: Request) -> Reply | None:
        """Give the fixed response, the redirect or the 503 that an action stands for."""
        action_id = request.headers.get(ACTION_HEADER.lower())
        if action_id is None:
            return None
        action = self._find(action_id)
        if action is not None and action.kind == "fixed-response":
            return _fixed(action.body.get("FixedResponseConfig") or {})
        if action is not None and action.kind == "redirect":
            return _redirect(action.body.get("RedirectConfig") or {}, request)
        if action is None or action.kind == "forward":
            # "HTTP 503: The target groups for the load balancer have no registered targets" (ALB troubleshooting).
            return Reply(503, _page("503 Service Temporarily Unavailable"), {"content-type": "text/html"})
        return Reply(501, f"the listener action {action.kind} is not emulated".encode())


def _fixed(config: Mapping[str, Any]) -> Reply:
    body = str(config.get("MessageBody") or "").encode()
    return Reply(
        int(config.get("StatusCode") or 200), body, {"content-type": config.get("ContentType") or "text/plain"}
    )


def _redirect(config: Mapping[str, Any], request: Request) -> Reply:
    """Fill the placeholders #{protocol}, #{host}, #{port}, #{path} and #{query} (ELBv2 RedirectActionConfig)."""
    scheme = request.headers.get("x-forwarded-proto", "http")
    parts = {
        "protocol": scheme,
        "host": request.host,
        "port": _DEFAULT_PORTS[scheme],
        "path": request.target.partition("?")[0].removeprefix("/"),
        "query": request.query,
    }

    def filled(name: str, default: str) -> str:
        template = str(config.get(name) or default)
        return re.sub(r"#\{(\w+)\}", lambda match: parts.get(match[1], match[0]), template)

    protocol = filled("Protocol", "#{protocol}").lower()
    location = f"{protocol}://{filled('Host', '#{host}')}:{filled('Port', '#{port}')}{filled('Path', '/#{path}')}"
    if query := filled("Query", "#{query}"):
        location += f"?{query}"
    permanent = str(config.get("StatusCode")) == "HTTP_301"
    text = "301 Moved Permanently" if permanent else "302 Found"
    return Reply(301 if permanent else 302, _page(text), {"content-type": "text/html", "location": location})


def _page(text: str) -> bytes:
    return (
        f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n"
        f"<center><h1>{text}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()
