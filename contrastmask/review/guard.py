"""Who may ask: a browser on this machine that knows the token, from a page that came from here.

The token keeps other users and programs of the machine out, the check of ``Host`` names that point here from elsewhere
(DNS rebinding), that of ``Origin`` the pages of other sites. Answers forbid the browser to load anything from
elsewhere, to be framed and to tell others the address.
"""

from __future__ import annotations

import secrets
from typing import Any

HOSTS = ("127.0.0.1", "localhost")
HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application around another one, which sees paths without the token.

    Args:
        app: the application. token: the first part of every path.
    """

    def __init__(self, app: Any, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer, or refuse: 403 for another host or origin, 404 without the token."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        first, _, rest = scope["path"].lstrip("/").partition("/")
        if not _from_here(scope["headers"]):
            await _refuse(send, 403, "this page answers its own address on this machine alone")
        elif not scope["path"].startswith("/") or not secrets.compare_digest(first.encode(), self.token.encode()):
            await _refuse(send, 404, "no such address: the one that was printed at the start has a token in it")
        else:
            await self.app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, _with_headers(send))


def _from_here(headers: list[tuple[bytes, bytes]]) -> bool:
    said: dict[str, list[str]] = {}
    for name, value in headers:
        said.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    hosts = said.get("host", [])
    if len(hosts) != 1 or hosts[0].rpartition(":")[0] not in HOSTS or not hosts[0].rpartition(":")[2].isdecimal():
        return False
    if any(origin != f"http://{hosts[0]}" for origin in said.get("origin", [])):
        return False
    # a link may lead here from anywhere; everything else that a page asks for is asked for by a page of ours
    elsewhere = {"cross-site", "same-site"} & set(said.get("sec-fetch-site", []))
    return not elsewhere or said.get("sec-fetch-mode") == ["navigate"]


def _with_headers(send: Any) -> Any:
    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in own]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


async def _refuse(send: Any, status: int, why: str) -> None:
    body = why.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    sending = _with_headers(send)
    await sending({"type": "http.response.start", "status": status, "headers": headers})
    await sending({"type": "http.response.body", "body": body})
