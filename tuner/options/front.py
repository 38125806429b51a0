"""Options of an HTTP front: its address, how requests are signed, and what they are.

Text in, frozen :class:`FrontOptions` out; raises only UsageError. Which hosts are Function URLs or
API Gateway, and so take IAM, follows from their names: AWS Lambda developer guide, "Creating and
managing Lambda function URLs"; Amazon API Gateway developer guide, "Invoke REST APIs".
"""

import re
from urllib.parse import SplitResult, urlsplit

from tuner.engine.request import IAM, METHODS, NO_AUTH, FrontOptions, RequestForm
from tuner.errors import UsageError
from tuner.options.load_options import Fronted
from tuner.options.option import options_of

_FUNCTION_URL = re.compile(r"[^.]+\.lambda-url\.(?P<region>[a-z0-9-]+)\.on\.aws", re.ASCII)
_GATEWAY = re.compile(
    r"[^.]+\.execute-api\.(?P<region>[a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?", re.ASCII
)
_SERVICES = ((_FUNCTION_URL, "lambda"), (_GATEWAY, "execute-api"))
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
#: Set here, or by what is sent.
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "x-amz-date", "expect"}
)


def read_front(options: Fronted) -> FrontOptions | None:
    """Read ``--url`` and what goes with it; ``None`` without a URL. Raises UsageError."""
    if options.url is None:
        _refuse_others(options)
        return None
    parts = _split(options.url)
    given = tuple(_header(text) for text in options.header)
    known = _of_aws(parts.hostname or "")
    service = _service(options.url_auth, known[0], authorized="authorization" in dict(given))
    verb = (options.http_method or "POST").upper()
    if verb not in METHODS:
        fix = f"Choose one of: {', '.join(METHODS)}."
        raise UsageError(f"--http-method {verb[:40]!r}", "is not supported", fix)
    return FrontOptions(parts.geturl(), RequestForm(service, verb, given), known[1])


def _refuse_others(options: Fronted) -> None:
    """Refuse options that need ``--url``."""
    for name, value in vars(options).items():
        if name in ("url_auth", "http_method", "header") and value:
            flag = options_of(Fronted)[name].flag
            raise UsageError(flag, "is for an HTTP front", "Give it with --url.")


def _of_aws(host: str) -> tuple[str | None, str | None]:
    """Service and region, of a host that is named by AWS."""
    for pattern, service in _SERVICES:
        if match := pattern.fullmatch(host):
            return service, match["region"]
    return None, None


def _split(url: str) -> SplitResult:
    fix = "Write it like https://abc.lambda-url.eu-west-1.on.aws/orders."
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not url.isprintable() or " " in url:
        raise UsageError(f"--url {url[:80]!r}", "is not an http or https URL", fix)
    if not (parts.hostname or "").isascii():
        reason = "has a host name that is not ASCII"
        raise UsageError(f"--url {url[:80]!r}", reason, "Write it in its xn-- form.")
    if parts.username is not None or parts.password is not None:
        fix = "Give --header 'Authorization: Basic ...' instead."
        raise UsageError("--url", "has a user name or password in it", fix)
    return parts._replace(fragment="")


def _service(auth: str | None, by_host: str | None, *, authorized: bool) -> str | None:
    """For which service requests are signed: as asked, else what the host is known to be."""
    if auth is None:
        return None if authorized else by_host
    kind, colon, service = auth.strip().lower().partition(":")
    if kind == NO_AUTH and not colon:
        return None
    if kind != IAM or (colon and not re.fullmatch(r"[a-z0-9-]{1,40}", service, re.ASCII)):
        fix = "Give none, iam, or iam:SERVICE such as iam:execute-api."
        raise UsageError(f"--url-auth {auth[:40]!r}", "is not known", fix)
    if authorized:
        reason = "cannot be combined with your own Authorization header"
        raise UsageError("--url-auth iam", reason, "Leave one of them out.")
    return service or by_host or "execute-api"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip().lower(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise UsageError(
            f"--header {name[:40]!r}", "is not of the form NAME: VALUE", "Write 'X-Api-Key: abc'."
        )
    if name in _OURS:
        raise UsageError(f"--header {name}", "is set by the load itself", "Leave it out.")
    return name, value
