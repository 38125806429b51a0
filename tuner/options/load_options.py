"""What a load is asked: when calls are due, how they are sent and through what, and its limits."""

from tuner.options import calls, sweep
from tuner.options import kinds as k
from tuner.options.option import Options, again, option
from tuner.options.risk import always, beyond_this_machine, saying

PANEL = "The load"
FRONT_PANEL = "Through an HTTP front"
OUTPUT_PANEL = "Output"
SIZE = sweep.SizeLoads
ARRIVALS = ("constant", "poisson")
ORDERS = ("random", "sequential", "unique")


class Shape(Options, panel=PANEL):
    """The one size, and times at which calls are due."""

    memory: k.OneMemory = option(k.ONE_MEMORY, "Size in MB (default: as configured).")
    rate: k.Quantity = again(
        SIZE.rate,
        "Open model: calls are due at this rate, such as 500 or 1200/min. With a profile: its "
        "highest rate.",
    )
    duration: k.Quantity = again(
        SIZE.duration, "How long calls are due (default: 30s, or what a profile says)."
    )
    arrival: k.Text = option(
        k.maybe_one_of(*ARRIVALS),
        "constant: evenly spaced (default); poisson: by chance, as from many callers.",
    )
    users: k.MaybeCount = option(
        k.MAYBE_COUNT,
        "Closed model: this many users, each of whom calls again when answered.",
        least=1,
        most=10_000,
    )
    think: k.Quantity = option(k.PAUSE, "Pause of a user between two calls.")
    profile_load: k.Text = again(
        SIZE.profile_load,
        "steady, ramp, spike, burst-cold, diurnal, soak, throttle-probe, async-drain, "
        "stream-like, or a TOML file.",
    )
    locustfile: k.Text = option(
        k.TEXT,
        "Your own users, classes of LambdaUser (from tuner.engine.worker import LambdaUser) "
        "whose tasks call self.invoke(payload); with --users (1) and --duration.",
        metavar="FILE",
        risk=always("runs code"),
    )
    spawn_rate: k.Quantity = option(
        k.RATE, "Users of a locustfile who appear per second (default: all at once)."
    )
    find_limit: k.Flag = option(
        k.FLAG,
        "Double the rate (from --rate, or 1/s) until the objectives (--slo, or throttles<1% and "
        "errors<1%) are missed, then narrow down; each rate lasts --duration (10s), and until 30 "
        "calls were due.",
    )


class Sent(Options, panel=PANEL):
    """Ways of sending calls."""

    retry: k.Text = again(SIZE.retry)
    mode: k.MaybeMode = option(
        k.MODE,
        "sync (default): wait for the answer. async: send events, and follow in the logs what "
        "becomes of each: dwell time, retries, how it ended.",
        metavar="sync|async",
    )
    payload_order: k.Word = option(
        k.one_of(*ORDERS),
        "Order of payloads: random, by their weights; sequential, over and over; unique, each "
        "once, after which users end.",
    )
    drain: k.Quantity = option(
        k.PAUSE,
        "async: follow events for this long after the last was sent (default: 5m; less if all "
        "have ended).",
    )


class Judged(Options, panel=sweep.CHOICE_PANEL):
    """What answers have to be like."""

    expect: k.Expectations = option(
        k.EXPECTATIONS,
        "Count an answer as failed unless 'status<500', 'statusCode==200', 'json.ok == true', "
        "'body contains id', 'duration<1s'; repeatable. Any that fails misses the objectives, "
        "unless --slo has its own for checks or errors.",
    )


class Senders(Options):
    """Processes that send, and where they are shown."""

    workers: k.Count = option(
        k.COUNT,
        "Processes of this machine that send; each uses up to one core.",
        1,
        panel=PANEL,
        least=0,
    )
    expect_workers: k.Count = option(
        k.COUNT,
        "Wait for this many more, which join with `tuner worker --master HOST` and a secret.",
        0,
        panel=PANEL,
        least=0,
        risk=always("lets other machines have your credentials"),
    )
    secret_file: k.Text = option(
        k.TEXT,
        "File with the secret by which workers of other machines join (default: the environment "
        "variable TUNER_WORKER_SECRET); alike on all machines.",
        panel=PANEL,
        metavar="FILE",
        risk=always("is the secret by which other machines join"),
    )
    bind: k.Text = option(
        k.TEXT,
        "Address to wait for them at (default: 0.0.0.0:5557).",
        panel=PANEL,
        metavar="HOST:PORT",
    )
    web_ui: k.Flag = option(
        k.FLAG, "Show Locust's UI with this load's requests while it runs.", panel=OUTPUT_PANEL
    )
    web_host: k.Text = option(
        k.TEXT,
        "Address of the UI (default: 127.0.0.1, this machine only; it has no password).",
        panel=OUTPUT_PANEL,
        metavar="HOST",
        risk=beyond_this_machine("shows the load to other machines"),
    )
    web_port: k.MaybeCount = option(
        k.MAYBE_COUNT, "Port of the UI (default: 8089).", panel=OUTPUT_PANEL, metavar="PORT"
    )


def _bare_url(url: str | None) -> str | None:
    return url and url.partition("?")[0]  # a query may hold secrets


def _header_names(headers: tuple[str, ...]) -> list[str]:
    return [each.partition(":")[0] for each in headers]


class Fronted(Options, panel=FRONT_PANEL):
    """The HTTP front, if calls go through one."""

    url: k.Text = option(
        k.TEXT,
        "Load the function through this Function URL, API Gateway or other HTTP front.",
        store=_bare_url,
        risk=always("is sent the calls"),
    )
    url_auth: k.Text = option(
        k.TEXT,
        "Whether requests are signed with IAM (default: on AWS's own host names, unless there is "
        "a header Authorization).",
        metavar="none|iam[:SERVICE]",
        risk=saying("iam", "signs what is sent with your credentials"),
    )
    http_method: k.Text = option(
        k.TEXT,
        "POST (default), PUT, PATCH, GET, DELETE or OPTIONS; the payload is the body.",
        was=("--method",),
        values=("POST", "PUT", "PATCH", "GET", "DELETE", "OPTIONS"),
    )
    header: k.Texts = option(
        k.TEXTS, "Sent with each request; repeatable.", metavar="'NAME: VALUE'", store=_header_names
    )


class LoadLimits(sweep.MoneyLimit, panel=sweep.LIMIT_PANEL):
    """Limits of a load."""

    stop_on: k.Rules = option(
        k.RULES, "Cut the load short on 'errors>5%' or 'throttles>20%' of 10 s; repeatable."
    )
    max_concurrency: k.MaybeCount = again(SIZE.max_concurrency)


class LoadOptions(
    LoadLimits,
    sweep.Objectives,
    Judged,
    Fronted,
    Senders,
    Sent,
    Shape,
    calls.RunOptions,
):
    """All options of a load."""
