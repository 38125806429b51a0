"""The options of `tuner bench` and its actions, and of `tuner schedule`."""

from tuner.errors import UsageError
from tuner.options import calls, function, output, sweep
from tuner.options import kinds as k
from tuner.options.option import Argument, Options, option, positional
from tuner.options.risk import always, elsewhere, other_code, outside

SUITE_PANEL = "The suite"
COMPARE_PANEL = "What is compared"
WRITE_PANEL = "What is written"
WHEN_PANEL, PLACE_PANEL = "When", "Where it runs"
_FILE = outside(output.WRITTEN)
_MESSAGE = elsewhere("is sent the results")
SCHEDULERS = (
    "cron", "systemd", "github", "github-role", "gitlab", "gitlab-role", "codebuild", "fargate",
)  # fmt: skip


class SuiteFile(Options, panel=SUITE_PANEL):
    """The suite."""

    suite: k.File = option(k.FILE, "The suite's file.", "tuner.toml", metavar="FILE")


class Only(Options, panel=SUITE_PANEL):
    """Cases of a suite."""

    only: k.Texts = option(
        k.TEXTS, "Only this case; repeatable.", metavar="NAME", values="suite cases"
    )


class BenchCall(sweep.CostAndTime, calls.Chance, Only, SuiteFile, output.Stored):
    """`tuner.bench`."""

    tag: k.Texts = option(k.TEXTS, "Only cases with this tag; repeatable.", panel=SUITE_PANEL)
    environment: k.Text = option(
        k.TEXT,
        "Where the functions are: a table environments.NAME of the suite.",
        panel=SUITE_PANEL,
        metavar="NAME",
    )
    against: k.Text = option(
        k.TEXT,
        "Compare in one run, called in turn, with a version or alias, a .zip or folder, or a git "
        "revision of the code; without it, with the stored baseline.",
        panel=COMPARE_PANEL,
        metavar="VERSION|PATH|git:REV",
        risk=other_code,
    )
    branch: k.Text = option(
        k.TEXT, "Branch of the baseline (default: the repository's branch).", panel=COMPARE_PANEL
    )
    full: k.Flag = option(
        k.FLAG,
        "Make all calls even when the verdict is clear, for a new baseline.",
        panel=COMPARE_PANEL,
    )
    warn_only: k.MaybeFlag = option(
        k.MAYBE_FLAG, "Report regressions, but do not exit with 99.", panel=COMPARE_PANEL
    )


class Written(Options, panel=WRITE_PANEL):
    """Outputs for other programs."""

    markdown: k.Text = option(
        k.TEXT, "A table for a comment or a page.", metavar="FILE|-", risk=_FILE
    )
    junit: k.Text = option(k.TEXT, "JUnit XML, one test per gate.", metavar="FILE|-", risk=_FILE)
    badge: k.Text = option(
        k.TEXT, "A badge: .svg, or .json for shields.io.", metavar="FILE", risk=_FILE
    )
    webhook: k.Text = option(
        k.TEXT,
        "A message as JSON, to a file or, with --post, to an address.",
        metavar="FILE|URL|env:NAME",
        risk=_MESSAGE,
    )
    slack: k.Text = option(
        k.TEXT,
        "The same message in the form of Slack's webhooks.",
        metavar="FILE|URL|env:NAME",
        risk=_MESSAGE,
    )
    post: k.Flag = option(
        k.FLAG, "Send messages to their addresses where something changed or failed."
    )
    bencher: k.Text = option(k.TEXT, "Bencher Metric Format.", metavar="FILE|-", risk=_FILE)
    action_benchmark: k.Text = option(
        k.TEXT,
        "For github-action-benchmark, as customSmallerIsBetter.",
        metavar="FILE|-",
        risk=_FILE,
    )


class BenchCommand(output.Live, output.Shown, Written, BenchCall):
    """`tuner bench`."""


class BenchInit(function.Account, SuiteFile):
    """`tuner bench init`."""

    source: str = positional(
        Argument(
            "A function, local:PATH, demo:NAME, a SAM template or a serverless.yml.",
            "TARGET|FILE",
            "demos",
        ),
        kw_only=False,
    )


class BenchAccept(Only, output.Stored):
    """`tuner bench accept`."""

    ref: str = positional(
        Argument("A bench's id, a prefix of one, or `last`.", "BENCH", required=False),
        kw_only=False,
        default="last",
    )
    branch: k.Text = option(k.TEXT, "Branch (default: the bench's own).")
    why: k.Text = option(k.TEXT, "Why this baseline is accepted.", metavar="TEXT")


class BenchBaselines(output.Stored):
    """`tuner bench baselines`."""

    every: k.Flag = option(k.FLAG, "Also show those that were replaced since.", flag="--all")


class BenchHistory(output.Quiet, output.Reported, output.Stored):
    """`tuner bench history`."""

    name: k.Text = option(k.TEXT, "Which suite (default: that of the last run).", metavar="SUITE")
    environment: k.Text = option(k.TEXT, "Runs in this environment of the suite.")
    branch: k.Text = option(k.TEXT, "Runs of this branch (default: the one with most runs).")
    limit: k.Count = option(k.COUNT, "How many runs to show, the newest.", 1000, least=1)
    reports: k.Count = option(
        k.COUNT, "Write at most this many missing reports, of the newest runs.", 10, least=0
    )


class TrustCommand(Options, panel=SUITE_PANEL):
    """`tuner trust`; the file that it is about cannot say what it does."""

    suite: k.File = option(
        k.FILE, "Another file than tuner.toml.", "tuner.toml", metavar="FILE", each_time=True
    )
    show: k.Flag = option(k.FLAG, "Only show what it names.", each_time=True)
    revoke: k.Flag = option(k.FLAG, "Let it do so no longer.", each_time=True)

    def __post_init__(self) -> None:
        """Refuse two wishes."""
        if self.show and self.revoke:
            raise UsageError("--show", "cannot go with --revoke", "Give one of them.")


class ScheduleCommand(function.Region):
    """`tuner schedule`."""

    kind: str = positional(
        Argument(f"{', '.join(SCHEDULERS)}.", "SCHEDULER", SCHEDULERS),
        kw_only=False,
    )
    words: tuple[str, ...] = positional(
        Argument("Options of `tuner bench`.", "[-- OPTION...]", many=True, required=False),
        kw_only=False,
        default=(),
    )
    every: k.Text = option(k.TEXT, "15m, 6h, day (default), weekday or week.", panel=WHEN_PANEL)
    cron: k.Text = option(
        k.TEXT,
        "Five cron fields instead, such as '17 3 * * 1-5'.",
        panel=WHEN_PANEL,
        metavar="'M H D M W'",
    )
    at: k.Text = option(k.TEXT, "Time of day (default: 03:17).", panel=WHEN_PANEL)
    timezone: k.Text = option(
        k.TEXT,
        "Such as Europe/Berlin. Default: UTC on GitHub and AWS, else the machine's.",
        panel=WHEN_PANEL,
    )
    name: k.Word = option(k.WORD, "The name of the schedule.", "tuner-bench")
    target: k.Texts = option(k.TEXTS, "What the role may measure; default: the suite's targets.")
    pip: k.Text = option(
        k.TEXT,
        "What pip installs there; default: where this tuner came from.",
        panel=PLACE_PANEL,
        metavar="SPEC",
        risk=always("is the code that the job runs"),
    )
    role: k.Text = option(
        k.TEXT,
        "github, gitlab: role to assume by OIDC; default: a variable.",
        panel=PLACE_PANEL,
        metavar="ARN",
        risk=always("is the role of the job"),
    )
    pass_role: k.Text = option(
        k.TEXT,
        "Role of the function, which copies of it get, as which other code and the control run; "
        "default: the job may make none.",
        panel=PLACE_PANEL,
        metavar="ARN",
        risk=always("is a role that the job may pass on"),
    )
    repository: k.Text = option(
        k.TEXT,
        "github, gitlab: the repository that may take the role.",
        panel=PLACE_PANEL,
        metavar="OWNER/NAME",
        risk=always("may take the role of the job"),
    )
    branch: k.Word = option(
        k.WORD,
        "Branch whose runs count.",
        "main",
        panel=PLACE_PANEL,
        risk=always("may take the role of the job"),
    )
    pull_requests: k.Flag = option(
        k.FLAG,
        "github, gitlab, their roles: pull requests are measured with the role, too, so whoever "
        "may push a branch runs code with it. Without AWS they always are.",
        panel=PLACE_PANEL,
        risk=always("lets pull requests take the role of the job"),
    )
    against: k.Text = option(
        k.TEXT,
        "github, gitlab: what pull requests are compared with in one run; {base} is the commit "
        "they start from. Default: git:{base} for local code, else the baseline.",
        panel=PLACE_PANEL,
        metavar="VERSION|PATH|git:{base}",
    )
    image: k.Text = option(
        k.TEXT,
        "fargate: image with tuner and tuner.toml.",
        panel=PLACE_PANEL,
        risk=always("is the code that the job runs"),
    )
    gitlab: k.Word = option(
        k.WORD,
        "gitlab-role: address of the GitLab server.",
        "https://gitlab.com",
        panel=PLACE_PANEL,
        metavar="URL",
        risk=always("says who may take the role of the job"),
    )
    store_secret: k.Text = option(
        k.TEXT,
        "Secret or variable that has the store's URL; default: SQLite, kept between runs.",
        panel=PLACE_PANEL,
        metavar="NAME",
        risk=always("is the secret that the job reads"),
    )
    file: k.MaybeFile = option(
        k.MAYBE_FILE,
        "Write to this file, or into this folder where there are several.",
        metavar="PATH",
        was=("--output",),
        risk=outside(output.WRITTEN),
    )
    install: k.Flag = option(
        k.FLAG,
        "cron, systemd: run it from now on.",
        risk=always("has this machine run the job"),
    )
    remove: k.Flag = option(
        k.FLAG,
        "cron, systemd: remove it again.",
        risk=always("ends a job of this machine"),
    )
