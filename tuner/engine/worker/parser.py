"""Collects one HTTP answer from the callbacks of geventhttpclient's parser, which is llhttp in C.

Knows HTTP's framing only: where an answer begins and ends, also in pieces, in chunks, or with the
connection. It reads no socket.
"""

from geventhttpclient._parser import HTTPResponseParser


class AnswerParser(HTTPResponseParser):
    """Collects what the C parser (llhttp) reports; interim 1xx answers are passed over."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.first: float | None = None
        self.size = 0
        self.begun = False
        self.complete = False
        self._name = ""
        self._value: str | None = None
        self._head_complete = False

    @property
    def status(self) -> int | None:
        """The status, once the head is complete."""
        return self.get_code() if self._head_complete else None

    def take(self, data: bytes) -> None:
        """Parse the next bytes; empty ones say that the connection ended."""
        self.size += len(data)
        self.feed(data)

    def ends_with_connection(self) -> bool:
        """Whether the end of the connection is the end of this answer (RFC 9112, 6.3)."""
        return (
            self._head_complete
            and "content-length" not in self.headers
            and "chunked" not in self.headers.get("transfer-encoding", "").lower()
        )

    def _on_message_begin(self) -> None:
        self.begun = True
        self.headers = {}
        self._head_complete = False

    def _on_status(self, _text: str) -> None:
        pass

    def _on_header_field(self, text: str) -> None:
        if self._value is None:
            self._name += text
            return
        self.headers[self._name.lower()] = self._value
        self._name, self._value = text, None

    def _on_header_value(self, text: str) -> None:
        self._value = text if self._value is None else self._value + text

    def _on_headers_complete(self) -> None:
        if self._name:
            self.headers[self._name.lower()] = self._value or ""
        self._name, self._value = "", None
        self._head_complete = True

    def _on_body(self, data: bytes) -> None:
        self.body += data

    def _on_message_complete(self) -> None:
        self.complete = self.get_code() >= 200
