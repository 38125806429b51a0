"""Who sends a load and where it is shown, as it is asked for. Raises only UsageError."""

from tuner.engine.worker_pool import Workers
from tuner.errors import UsageError

#: Where workers of other machines are awaited; 5557 is Locust's own port.
DEFAULT_BIND = "0.0.0.0:5557"
#: Where Locust's UI is shown: only to this machine, on Locust's own port.
WEB_HOST, WEB_PORT = "127.0.0.1", 8089


def read_workers(local: int, expect: int, bind: str | None, web: tuple[str, int] | None) -> Workers:
    """Local processes, and those of other machines that are waited for."""
    if bind is not None and not expect:
        raise UsageError("--bind", "is for --expect-workers", "Give both.")
    if local < 0 or local + expect < 1:
        fix = "Give --workers 1 or more, or --expect-workers."
        raise UsageError(f"--workers {local}", "leaves nobody to send", fix)
    if not expect:
        return Workers(local=local, web=web)
    place = bind or DEFAULT_BIND
    host, colon, port = place.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and 0 < int(port[:9]) < 65536 and host):
        raise UsageError(
            f"--bind {place[:60]!r}", "is no HOST:PORT", f"The default is {DEFAULT_BIND}."
        )
    host = host.removeprefix("[").removesuffix("]")
    return Workers(local, expect, host, int(port), web)


def read_web(wanted: bool, host: str | None, port: int | None) -> tuple[str, int] | None:
    """Host and port of Locust's UI; ``None`` if it is not to be shown."""
    if not wanted:
        for option, value in (("--web-host", host), ("--web-port", port)):
            if value is not None:
                raise UsageError(option, "is of Locust's UI", "Give it with --web-ui.")
        return None
    where = WEB_HOST if host is None else host.strip().removeprefix("[").removesuffix("]")
    if not where or any(letter.isspace() for letter in where):
        raise UsageError(f"--web-host {host!r:.60}", "is no host", f"The default is {WEB_HOST}.")
    number = WEB_PORT if port is None else port
    if not 0 < number < 65536:
        raise UsageError(f"--web-port {number}", "is no port", f"The default is {WEB_PORT}.")
    return where, number
