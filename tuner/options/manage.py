"""The options of the commands that set something up, look around or tidy up."""

from pathlib import Path

from tuner.options import function, output, sweep
from tuner.options import kinds as k
from tuner.options.commands import RUN
from tuner.options.load_options import Senders
from tuner.options.option import Argument, Options, again, option, positional
from tuner.options.risk import always, beyond_this_machine, elsewhere, outside

DOCUMENTS = (
    *("sweep", "load", "fleet", "forecast", "bench", "compare", "plan", "doctor", "run"),
    "tuner.toml",
)
POLICY_COMMANDS = ("sweep", "cold", "load", "bench", "apply", "restore", "plan", "doctor", "fleet")


class ApplyCommand(output.Yes, output.Stored, function.Endpoint, function.Profile):
    """`tuner apply`."""

    run: str = positional(RUN, kw_only=False)
    memory: k.MaybeCount = option(
        k.MAYBE_COUNT, "Use this size (MB) instead of the recommended one.", least=128, most=10_240
    )
    arch: k.Text = option(
        k.maybe_one_of("x86_64", "arm64"),
        "Another architecture than the recommended one: x86_64 or arm64.",
    )
    alias: k.Text = option(
        k.TEXT,
        "Publish a version and point this alias at it.",
        risk=always("is pointed at another version"),
    )
    steps: k.Text = option(
        k.TEXT,
        "Move the alias in steps; move it back if errors or p95 in CloudWatch get worse.",
        metavar="10%,50%",
    )
    wait: k.Seconds = option(k.WAIT, "How long to watch each step.", "5m")
    publish: k.Flag = option(
        k.FLAG, "Publish a version, without an alias.", risk=always("publishes a version")
    )
    undo: k.Flag = option(
        k.FLAG, "Undo what was applied from this run.", risk=always("undoes what was applied")
    )
    file: k.MaybeFile = option(
        k.MAYBE_FILE,
        "Patch a SAM or CloudFormation template, serverless.yml, .tf or .tfvars file instead.",
        risk=outside(output.WRITTEN),
    )
    resource: k.Text = option(k.TEXT, "Name of the function in the file.")
    write: k.Flag = option(k.FLAG, "Write the file; otherwise only show the diff.")


class RestoreCommand(function.Role, function.Account):
    """`tuner restore`: which function, where, and as whom, if not as the interrupted run."""

    target: k.Text = positional(
        Argument(
            "Only this function, also where nothing here knows of it: it says itself what it was "
            "like. Default: all that commands in this directory left.",
            "TARGET",
            required=False,
        ),
        kw_only=False,
        default=None,
    )
    list_only: k.Flag = option(k.FLAG, "Only show what would be restored.", flag="--list")


class PolicyCommand(sweep.Compared, function.Isolated, function.Region):
    """`tuner policy`."""

    commands: list[str] = positional(
        Argument(
            f"{', '.join(POLICY_COMMANDS)}.",
            "COMMAND...",
            POLICY_COMMANDS,
            many=True,
        ),
        kw_only=False,
    )
    format_: k.Word = option(k.WORD, "json, terraform or cloudformation.", "json", flag="--format")
    target: k.Text = option(k.TEXT, "The function's name or ARN; default: any.")
    account: k.Text = option(k.TEXT, "Account id; default: any.")
    role: k.Text = option(
        k.TEXT,
        "The function's role, which temporary copies get; without it none may be made.",
        metavar="ARN",
    )
    architectures: k.Flag = option(
        k.FLAG, "Add what comparing architectures, and applying one, needs."
    )


class DoctorCommand(
    output.Json,
    sweep.Sizes,
    function.Machine,
    function.Package,
    function.Role,
    function.Account,
    function.Target,
):
    """`tuner doctor`."""


class PricesCommand(output.Json, function.Region):
    """`tuner prices`."""

    refresh: k.Flag = option(
        k.FLAG, "Fetch AWS's price list first; needs no credentials.", each_time=True
    )
    from_file: k.MaybeFile = option(
        k.MAYBE_FILE, "Take prices from a downloaded offer file.", flag="--from", metavar="FILE"
    )


class SchemaCommand(Options):
    """`tuner schema`."""

    name: str = positional(
        Argument(
            f"{', '.join(DOCUMENTS)}; a line of `tuner runs export` is a run.", "NAME", DOCUMENTS
        ),
        kw_only=False,
    )


class LocalCommand(function.Machine):
    """`tuner local`."""

    port: k.Count = option(k.COUNT, "Port to listen on; 0 takes a free one.", 4577)
    host: k.Word = option(
        k.WORD,
        "Address to listen on; beyond loopback it makes and prints keys.",
        "127.0.0.1",
        risk=beyond_this_machine("lets other machines run code as you"),
    )
    data: k.MaybeFile = option(
        k.MAYBE_FILE,
        "Keep functions and queued events in this folder.",
        metavar="DIR",
        risk=outside(output.WRITTEN),
    )
    account_concurrency: k.Count = option(
        k.COUNT, "The account's concurrency limit.", 1000, least=1
    )
    time_scale: k.Number = option(
        k.NUMBER, "60 makes a platform minute last a second.", 1.0, most=1_000_000
    )
    sqs_endpoint: k.Text = option(
        k.TEXT,
        "Where destinations and dead-letter queues of functions are (moto, ElasticMQ).",
        metavar="URL",
        risk=always("is sent what functions answer"),
    )
    s3_endpoint: k.Text = option(
        k.TEXT,
        "Where code is that CreateFunction and others name as an object of S3 (moto, LocalStack).",
        metavar="URL",
        risk=always("gives code that runs as you"),
    )
    control_from_functions: k.Flag = option(
        k.FLAG,
        "Let functions call everything, not Invoke only.",
        risk=always("lets functions read and change each other"),
    )


class WorkerCommand(Options):
    """`tuner worker`."""

    master: k.Word = option(
        k.WORD,
        "Where `tuner load` waits for workers.",
        metavar="HOST[:PORT]",
        required=True,
        risk=always("says what this machine runs"),
    )
    secret_file: k.Text = again(
        Senders.secret_file,
        "File with the secret of the load (default: the environment variable TUNER_WORKER_SECRET).",
    )


class RunsList(output.Stored):
    """`tuner runs list`."""

    limit: k.Count = option(k.COUNT, "How many runs to list, the newest first.", 20, least=1)


class OneRun(output.Stored):
    """`tuner runs show`."""

    run: str = positional(RUN, kw_only=False)


class RunsDelete(output.Yes, OneRun):
    """`tuner runs delete`."""


class RunsExport(OneRun):
    """`tuner runs export`."""

    file: Path | None = positional(
        Argument(
            "File to write; .gz compresses. .csv and .parquet have the samples alone, as a table; "
            ".prom has the result as OpenMetrics text.",
            "FILE",
            word=Path,
            required=False,
        ),
        kw_only=False,
        default=None,
    )
    otlp: k.Text = option(
        k.TEXT,
        "Send the result as OpenTelemetry metrics (OTLP, JSON over HTTP) to this endpoint, or to "
        "that in a variable; headers are those of OTEL_EXPORTER_OTLP_HEADERS.",
        metavar="URL|env:NAME",
        risk=elsewhere("is sent the results"),
    )


class RunsImport(output.Stored):
    """`tuner runs import`."""

    file: Path = positional(
        Argument(
            "File that `tuner runs export` wrote, or the JSON output of aws-lambda-power-tuning.",
            "FILE",
            word=Path,
        ),
        kw_only=False,
    )


class RunsCopy(output.Stored):
    """`tuner runs copy`."""

    run: tuple[str, ...] = positional(
        Argument(
            "Which runs; all of them by default.",
            "[RUN]...",
            "runs",
            many=True,
            required=False,
        ),
        kw_only=False,
        default=(),
    )
    to: k.Word = option(
        k.WORD,
        "Store to add them to: a file, or postgresql+psycopg://...",
        metavar="URL",
        required=True,
        risk=elsewhere("is where runs are copied to"),
    )


class RunsThin(output.Yes, output.Stored):
    """`tuner runs thin`."""

    older_than: k.Quantity = option(
        k.SECONDS,
        "Runs that ended this long ago, such as 30d; else `retention` in [store] of tuner.toml.",
        metavar="TIME",
    )
    smallest: k.Count = option(k.COUNT, "Leave runs of fewer samples whole.", 1000, least=1)
