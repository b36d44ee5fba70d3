"""The page on this machine, until somebody ends it."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from contrastmask.completion.source_file import SourceFile
from contrastmask.errors import DataError
from contrastmask.files.lock import held
from contrastmask.review.app import Pages, application
from contrastmask.review.decisions import Decisions
from contrastmask.review.guard import Guard
from contrastmask.review.objects import read_objects
from contrastmask.review.options import ReviewOptions
from contrastmask.review.states import STATES

HOST = "127.0.0.1"


def serve(options: ReviewOptions, port: int, browser: bool, tell: Callable[[str], None] = print) -> None:
    """Answer browsers on this machine until a signal ends it; decisions are on the disk at every moment.

    Args:
        port: 0 for a free one. browser: open the page in one. tell: shows lines.

    Raises:
        DataError: the file cannot be used, another process has this review, or the port is taken.
    """
    with held(options.target), _bound(port) as sock:
        source = SourceFile(options.annotations)
        objects = read_objects(options, source)
        for line in objects.records.report.lines("dropped", "repaired"):
            tell(line)
        decisions = Decisions(options.journal, source.digest, objects.initial)
        try:
            pages = Pages(options, source, objects, decisions)
            token = secrets.token_urlsafe(24)
            address = f"http://{HOST}:{sock.getsockname()[1]}/{token}/"
            counts = pages.queue.counts(pages.first)
            whose = {"model": " of a model", "person": " of people"}.get(pages.first.source, "")
            tell(f"{counts['all']} masks{whose}: {', '.join(f'{counts[state]} {state}' for state in STATES)}")
            tell(f"decisions are kept in {options.journal}; finishing writes {options.target}")
            tell(f"review {address} (Ctrl-C ends it)")
            if browser:
                webbrowser.open(address)
            uvicorn.Server(_settings(Guard(application(pages), token))).run(sockets=[sock])
        finally:
            decisions.close()


def _settings(app: Guard) -> uvicorn.Config:
    plain = {"loop": "asyncio", "http": "h11", "ws": "none", "lifespan": "off"}
    # a log of addresses would have the token in it
    return uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=2, **plain
    )


def _bound(port: int) -> socket.socket:
    # asyncio lets small answers go at once (TCP_NODELAY) only where the protocol is said: 40 ms an answer otherwise
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise DataError(f"port={port} cannot be used ({error.strerror}); port=0 takes a free one") from error
    return sock
