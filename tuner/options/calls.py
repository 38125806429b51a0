"""The calls: what is sent, what runs around each call, and chance."""

from tuner.options import function
from tuner.options import kinds as k
from tuner.options.option import Options, option
from tuner.options.readers import hashed
from tuner.options.risk import always, either, in_s3, outside

PANEL = "What is measured"
#: What is sent unless a payload is given.
NO_PAYLOAD = "{}"
#: The risk of a file of another place.
READ = "is read and sent, and is not in this folder"
_FILE_OR_S3 = either(in_s3(READ), outside(READ))


#: With ``--cross-check``: so long after the last call figures are waited for, seconds. They are
#: whole by then: CloudWatch has Lambda's within a minute or two.
WAIT_S = 180.0
#: Between two questions while it is waited, seconds.
PAUSE_S = 20.0
#: Without it: asked once, and not waited for.
GLANCE_S = 0.0


def inline(payloads: str) -> bool:
    """Return whether these are the payloads themselves, rather than the name of their file."""
    return payloads.lstrip().startswith("[")


def _kept_payload(text: str | None) -> str | None:
    return text if not text or text.startswith(("@", "s3://", "sha256:")) else hashed(text)


def _kept_payloads(text: str | None) -> str | None:
    return hashed(text) if text and inline(text) else text


class OnePayload(Options, panel=PANEL):
    """One payload."""

    payload: k.Word = option(
        k.WORD,
        "JSON, @file, s3://bucket/key, or - for stdin.",
        NO_PAYLOAD,
        secret=True,
        store=_kept_payload,
        risk=either(outside(READ, "@"), in_s3(READ)),
    )


class Payloads(OnePayload, panel=PANEL):
    """One payload, several, or events of a template."""

    payloads: k.Text = option(
        k.TEXT,
        "A .csv or .jsonl file: each row is a payload. Or weighted ones, a file, s3://bucket/key "
        'or JSON: [{"payload": ..., "weight": 2}, ...]. Up to 12 of these are reported apart, by '
        'their "name" if they have one.',
        metavar="FILE",
        secret=True,
        store=_kept_payloads,
        risk=lambda written: "" if inline(written) else _FILE_OR_S3(written),
    )
    template: k.Text = option(
        k.TEXT,
        "With a table as --payloads: the event that each row fills, JSON or @file; {{email}} is "
        "the field email of the row.",
        metavar="JSON|@FILE",
        secret=True,
        store=_kept_payload,
        risk=outside(READ, "@"),
    )
    event: k.Text = option(
        k.TEXT,
        "A bundled event such as s3, apigateway-http or sqs:10 (a batch of ten), or a template "
        "of your own.",
        metavar="NAME|FILE",
        values="events",
        risk=outside(READ),
    )

    @property
    def has_payload(self) -> bool:
        """True if anything is said about what is sent."""
        return bool(self.event or self.payloads or self.payload != NO_PAYLOAD)


class Processors(Options, panel=PANEL):
    """Commands that run around each call."""

    pre: k.Text = option(
        k.TEXT,
        "Run before each call, outside of every measured time: a shell command, module:function "
        "or a Lambda ARN. It gets the payload, which its output replaces unless it is empty. "
        "A call whose pre-processor fails is not sent.",
        metavar="COMMAND|FUNCTION",
        risk=always("runs a command"),
    )
    post: k.Text = option(
        k.TEXT,
        "Run after each call in the same way; it gets the answer. Commands find the call's "
        "number, outcome and status in TUNER_CALL, TUNER_OUTCOME and TUNER_STATUS.",
        metavar="COMMAND|FUNCTION",
        risk=always("runs a command"),
    )


class Chance(Options, panel=PANEL):
    """The seed."""

    seed: k.Seed = option(
        k.SEED, "Makes every random choice repeatable; otherwise one is drawn and recorded."
    )


class CrossChecked(Options, panel=PANEL):
    """Comparison with AWS's own figures."""

    cross_check: k.MaybeFlag = option(
        k.MAYBE_FLAG,
        "Compare with what CloudWatch and X-Ray counted, waiting up to 3 minutes for their "
        "figures. By default only what is there already is compared, without waiting.",
        flag="--cross-check/--no-cross-check",
    )

    @property
    def patience_s(self) -> float | None:
        """Seconds to wait for those figures; ``None``: they are not asked for."""
        if self.cross_check is None:
            return GLANCE_S
        return WAIT_S if self.cross_check else None


class RunOptions(CrossChecked, Chance, Processors, Payloads, function.FunctionOptions):
    """Options of every command that invokes a function."""
