"""`chalice local`'s server, made fit to stay up: buffered, bounded, refusing in our own envelope."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import (
    ChaliceRequestHandler,
    CustomLocalChalice,
    LocalChalice,
    LocalDevServer,
    LocalGatewayException,
    ThreadedHTTPServer,
)

from chalicelib import errors, ids
from chalicelib.web.errors import envelope
from dev.stage import HOST

_LOG: Final = logging.getLogger("dev.server")
MOST_BODY_BYTES: Final = 12 * 1024 * 1024
READ_TIMEOUT_SECONDS: Final = 30


class RefusedError(Exception):
    """A request that never reaches the application. The connection ends with the answer."""

    def __init__(self, error: errors.ServiceError, status: int | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status or error.status


class RequestHandler(ChaliceRequestHandler):
    """One connection.

    Chalice's own handler writes each header in a packet of its own, and the second waits for the first to be
    acknowledged: 23 requests a second on a kept-alive connection. A buffer makes one write of each answer.
    """

    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    timeout = READ_TIMEOUT_SECONDS
    server_version = "serenya-local"
    sys_version = ""

    def _generic_handle(self) -> None:
        try:
            super()._generic_handle()
        except RefusedError as refused:
            self._refuse(refused.error, refused.status)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception:
            _LOG.exception("a request failed outside the application")
            self._refuse(errors.Unexpected(), 500)

    # The base class binds these names to its own function when it is made, not to the override.
    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _generic_handle  # noqa: N815  # http.server looks for these names

    def __getattr__(self, name: str) -> Any:
        """Any other method has its route asked too: a 405 must say what is allowed there (RFC 9110, section 15.5.6)."""
        if name.startswith("do_"):
            return self._generic_handle
        raise AttributeError(name)

    def _parse_payload(self) -> tuple[dict[str, Any], bytes | None]:
        length = self._content_length()
        if length == 0:
            return dict(self.headers), None
        body = self.rfile.read(length)
        if len(body) < length:
            raise RefusedError(errors.InvalidRequest(message="The body is shorter than its Content-Length."))
        return dict(self.headers), body

    def _content_length(self) -> int:
        """How long the body is, as the request says; API Gateway would refuse what is refused here."""
        if self.headers.get("Transfer-Encoding"):
            raise RefusedError(errors.InvalidRequest(message="Send a Content-Length instead of chunks."), 411)
        declared = {value.strip() for value in self.headers.get_all("Content-Length", ["0"])}
        text = declared.pop()
        if declared or not (text.isascii() and text.isdigit()):
            raise RefusedError(errors.InvalidRequest(message="Content-Length must be one whole number."))
        if len(text) > 18 or int(text) > MOST_BODY_BYTES:
            raise RefusedError(errors.TooLarge())
        return int(text)

    def handle_expect_100(self) -> bool:
        """Ask for the body; without a flush the request for it would wait in the buffer."""
        is_wanted = bool(super().handle_expect_100())
        self.wfile.flush()
        return is_wanted

    def _send_error_response(self, error: LocalGatewayException) -> None:
        ours = errors.NotFound() if error.CODE == 403 else errors.Unexpected()
        self._send_envelope(ours, ours.status)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002  # the base class's signature
        """Refuse what is not HTTP as we understand it."""
        text = HTTPStatus(code).phrase
        # A request line that could not be read counts as HTTP/0.9, whose answers have neither status nor headers.
        self.request_version = "HTTP/1.1"
        self._refuse(errors.InvalidRequest(message=text), code)

    def _refuse(self, error: errors.ServiceError, status: int) -> None:
        self.close_connection = True
        # The caller may be gone, or still sending: neither is worth a word.
        with suppress(OSError):
            self._send_envelope(error, status)
            self.wfile.flush()
            self._drain()

    def _drain(self) -> None:
        """Read a little of what is still coming: to close on unread bytes resets the connection, answer included."""
        self.connection.settimeout(0.5)
        left = 4 * MOST_BODY_BYTES
        while left > 0 and (chunk := self.rfile.read1(65536)):
            left -= len(chunk)

    def _send_envelope(self, error: errors.ServiceError, status: int) -> None:
        response = envelope(error, ids.new_id())
        headers: dict[str, Any] = dict(response.headers)
        if self.close_connection:
            headers["Connection"] = "close"
        self._send_http_response(status, headers, str(response.body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is the base class's
        """Write the line that `chalice local` writes, in the order of the log."""
        _LOG.info(format, *args)


class Server(ThreadedHTTPServer):
    """Many connections at once, each in a thread."""

    request_queue_size = 128
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the base class's signature
        """A caller that goes away is no event; anything else is."""
        if not isinstance(sys.exception(), OSError):
            _LOG.exception("a connection ended in a defect")


def create_server(app: Chalice, config: Config, port: int) -> LocalDevServer:
    """Bind `chalice local`'s server to loopback.

    Raises:
        OSError: the port is taken.
    """
    # As `chalice.local.create_local_server` does, which takes no handler: one current request for each thread.
    CustomLocalChalice.__bases__ = (LocalChalice, app.__class__)
    app.__class__ = CustomLocalChalice
    return LocalDevServer(app, config, HOST, port, handler_cls=RequestHandler, server_cls=Server)
