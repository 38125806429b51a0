"""Through what a load is sent: an HTTP front, a locustfile, and the processes that send.

Text in, frozen values out; raises only UsageError. Which hosts are Function URLs or API Gateway,
and so take IAM, follows from their names: AWS Lambda developer guide, "Creating and managing Lambda
function URLs"; Amazon API Gateway developer guide, "Invoke REST APIs".
"""

import ast
import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tuner.engine.engine import Mode, Script
from tuner.engine.request import IAM, METHODS, NO_AUTH, FrontOptions, RequestForm
from tuner.engine.worker_pool import Workers
from tuner.engine.worker_process import SECRET
from tuner.errors import UsageError
from tuner.files import read_text
from tuner.options.load_options import Fronted, LoadOptions
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
#: Where workers of other machines are awaited; 5557 is Locust's own port.
DEFAULT_BIND = "0.0.0.0:5557"
#: Where Locust's UI is shown: only to this machine, on Locust's own port.
WEB_HOST, WEB_PORT = "127.0.0.1", 8089
_MOST_BYTES = 1_000_000
_NO_SECRET = "is empty or not set, and workers of other machines join by it"
_SHORTEST = 16


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


def read_script(options: LoadOptions) -> Script | None:
    """The user's own locustfile, unless another option decides what it does. Raises UsageError."""
    if options.locustfile is None:
        if options.spawn_rate is not None:
            fix = "Give it with --locustfile."
            raise UsageError("--spawn-rate", "is for a locustfile", fix)
        return None
    unfit = {
        "--rate": options.rate is not None,
        "--profile-load": options.profile_load is not None,
        "--find-limit": options.find_limit,
        "--think": options.think is not None,
        "--arrival": options.arrival is not None,
        "--mode async": options.mode is Mode.ASYNC,
    }
    for name, given in unfit.items():
        if given:
            fix = "Leave it out; --users, --spawn-rate and --duration say how many, and how long."
            raise UsageError(name, "cannot go with --locustfile", fix)
    path = Path(options.locustfile)
    folder = str(path.parent.resolve())
    text = _python(str(path))
    shaped = _has_shape(text)
    for name, value in (("--users", options.users), ("--spawn-rate", options.spawn_rate)):
        if shaped and value is not None:
            reason = "cannot go with a LoadTestShape, which says how many users there are"
            raise UsageError(name, reason, f"Leave it out, or the shape of {path.name}.")
    return Script(path.name, text, folder, options.spawn_rate, shaped)


def _has_shape(text: str) -> bool:
    """Whether a locustfile has a class of LoadTestShape, by its text."""
    named = {"LoadTestShape"}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            named |= {each.asname or "" for each in node.names if each.name == "LoadTestShape"}
        if isinstance(node, ast.ClassDef) and any(
            (base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")) in named
            for base in node.bases
        ):
            return True
    return False


def _python(path: str) -> str:
    """The file's text, which goes to the workers; nothing of it is run here."""
    text, thing = read_text(Path(path), f"--locustfile {path}"), f"--locustfile {path}"
    try:
        compile(text, path, "exec")
    except (SyntaxError, ValueError) as error:
        raise UsageError(thing, f"is not Python: {error}", "Correct it.") from None
    if len(text) > _MOST_BYTES:
        raise UsageError(thing, f"is longer than {_MOST_BYTES:,} bytes", "Is it the right file?")
    return text


def read_workers(options: LoadOptions) -> Workers:
    """Local processes, and those of other machines that are waited for. Raises UsageError."""
    local, expect, web = options.workers, options.expect_workers, _web(options)
    if options.bind is not None and not expect:
        raise UsageError("--bind", "is for --expect-workers", "Give both.")
    if local + expect < 1:
        fix = "Give --workers 1 or more, or --expect-workers."
        raise UsageError(f"--workers {local}", "leaves no process to send calls", fix)
    if not expect:
        if options.secret_file is not None:
            raise UsageError("--secret-file", "is for --expect-workers", "Give both.")
        return Workers(local=local, web=web)
    place = options.bind or DEFAULT_BIND
    host, colon, port = place.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and 0 < int(port[:9]) < 65536 and host):
        fix = f"The default is {DEFAULT_BIND}."
        raise UsageError(f"--bind {place[:60]!r}", "is not of the form HOST:PORT", fix)
    secret = read_secret(options.secret_file)
    return Workers(local, expect, _bare(host), int(port), web, secret)


def read_secret(path: str | None) -> str:
    """The secret by which workers of other machines join, of a file or the environment.

    Never of the command line, which everybody on the machine can read. Raises UsageError.
    """
    thing = SECRET if path is None else f"--secret-file {path}"
    found = os.environ.get(SECRET) if path is None else read_text(Path(path), thing)
    secret = (found or "").strip()
    fix = f"Make one for all machines: export {SECRET}=$(openssl rand -hex 32)."
    if not secret:
        raise UsageError(thing, _NO_SECRET, fix)
    if len(secret) < _SHORTEST:
        raise UsageError(thing, f"is shorter than {_SHORTEST} characters", fix)
    return secret


def _web(options: LoadOptions) -> tuple[str, int] | None:
    """Host and port of Locust's UI; ``None`` if it is not to be shown."""
    host, port = options.web_host, options.web_port
    if not options.web_ui:
        for name, value in (("--web-host", host), ("--web-port", port)):
            if value is not None:
                raise UsageError(name, "is for Locust's UI", "Give it with --web-ui.")
        return None
    where = WEB_HOST if host is None else _bare(host.strip())
    if not where or any(letter.isspace() for letter in where):
        raise UsageError(f"--web-host {host!r:.60}", "is no host", f"The default is {WEB_HOST}.")
    number = WEB_PORT if port is None else port
    if not 0 < number < 65536:
        raise UsageError(f"--web-port {number}", "is no port", f"The default is {WEB_PORT}.")
    return where, number


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")
