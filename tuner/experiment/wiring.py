"""The only factory: turns texts (a target, a store's URL) into the objects that runs work with."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ulid import ULID

from tuner.clock import Clock, WallClock, never
from tuner.engine.engine import Engine
from tuner.engine.processors import (
    Processor,
    Processors,
    function_processor,
    lambda_of,
    local_processor,
)
from tuner.engine.request import FrontOptions
from tuner.engine.worker_pool import Workers
from tuner.errors import TargetError, UsageError
from tuner.options.calls import RunOptions
from tuner.options.function import FunctionOptions, architectures_of
from tuner.records import Advice, FunctionFacts, RunRecord, RunState
from tuner.store.runs import Store
from tuner.targets.choices import DEFAULT
from tuner.targets.names import Kind, parse_target
from tuner.targets.seam import Endpoint, Progress, Target
from tuner.units import MemoryRange

if TYPE_CHECKING:
    from tuner.aws.session import AwsSession, SessionOptions
    from tuner.targets.aws_versions import AwsOptions

#: One process of this machine sends everything.
ONE = Workers()


@dataclass(frozen=True)
class SendOptions:
    """How a run's requests are sent: by which workers, and through which HTTP front, if any.

    It ends after ``most_failures`` of a pre- or post-processor in a row.
    """

    workers: Workers = ONE
    front: FrontOptions | None = None
    most_failures: int = 1
    locustfile: bool = False


#: Straight to the Invoke API.
PLAIN = SendOptions()


class Listener(Protocol):
    """Someone who hears of progress, and may ask to stop."""

    def say(self, text: str) -> None:
        """Hear what is being done."""
        ...

    def stop(self) -> bool:
        """Return True to end now: what is in flight finishes and the function is restored."""
        ...


@dataclass(frozen=True)
class Context:
    """What a run works with. Times of samples count from ``origin_s`` of ``clock.monotonic()``."""

    target: Target
    engine: Engine
    store: Store
    clock: Clock
    origin_s: float
    notes: tuple[Advice, ...] = ()  # what a reader has to know of the target, however it goes

    def seconds(self) -> float:
        """How long the run has taken."""
        return self.clock.monotonic() - self.origin_s

    def origin_wall_s(self) -> float:
        """When the run began, in seconds since the epoch."""
        return self.clock.wall() - self.seconds()

    def begun(
        self,
        command: str,
        options: RunOptions,
        facts: FunctionFacts,
        warnings: tuple[Advice, ...] = (),
    ) -> RunRecord:
        """A new run of these options that begins now, with the id that its changes of the function
        are journalled under; it is not stored yet."""
        return RunRecord(
            run=self.target.run or str(ULID()),
            command=command,
            target=options.target,
            state=RunState.RUNNING,
            seed=options.seed,
            started_at=self.clock.wall(),
            finished_at=None,
            options=options.stored(),
            facts=facts,
            warnings=(*self.notes, *warnings),
        )


@dataclass(frozen=True)
class EngineStart:
    """What an engine begins with: the run's start on the clock, how far the run has come before,
    chance, and how it sends."""

    origin_s: float
    seed: int
    elapsed_s: float = 0.0
    send: SendOptions = PLAIN
    processors: Processors | None = None
    endpoint: Endpoint | None = None  # the target's own, unless it is given


@contextmanager
def open_context(
    options: RunOptions,
    store_url: str | None,
    listener: Listener,
    elapsed_s: float = 0.0,
    send: SendOptions = PLAIN,
) -> Iterator[Context]:
    """Open everything that a run needs, and close it in the end, whatever happened.

    ``elapsed_s`` is how long a resumed run has been going on already; ``send`` is how it sends.
    """
    clock = WallClock()
    with Store.open(store_url) as store, ExitStack() as stack:
        processors = _open_processors(options, send.most_failures)
        target = open_target(options, listener.say, clock, listener.stop)
        stack.callback(target.close)
        origin_s = clock.monotonic() - elapsed_s
        endpoint, notes = _endpoint(target, send)
        start = EngineStart(origin_s, options.seed, elapsed_s, send, processors, endpoint)
        engine = open_engine(target, clock, start)
        stack.callback(engine.close)
        yield Context(target, engine, store, clock, origin_s, (*target_notes(target), *notes))


def _endpoint(target: Target, send: SendOptions) -> tuple[Endpoint | None, tuple[Advice, ...]]:
    """Return where to send, and what is to say of the credentials that other machines get.

    They get some that may only invoke the function, where STS gives them.
    """
    endpoint = target.endpoint()
    if endpoint is None:
        return None, ()
    front = send.front is not None and send.front.request.service
    if send.front is not None:
        endpoint = send.front.endpoint(endpoint)
    if not send.workers.expect or endpoint.narrowed is None:
        return endpoint, ()
    try:
        if front:
            raise TargetError("--url", "the HTTP front takes other rights")
        return replace(endpoint, credentials=endpoint.narrowed()), ()
    except TargetError as error:
        text = f"Workers of other machines got all your rights, not only this function's: {error}"
        fix = "Give the load a role that may do no more than `tuner policy load` prints."
        return endpoint, (Advice("worker-credentials", f"{text.rstrip('.')}. {fix}"),)


def open_target(
    options: FunctionOptions,
    progress: Progress = lambda _text: None,
    clock: Clock | None = None,
    stop: Callable[[], bool] = never,
) -> Target:
    """Open the target that its text names. Raises UsageError or TargetError."""
    name, arches, clock = options.name, ",".join(architectures_of(options)), clock or WallClock()
    on_aws, recorded = name.kind is Kind.AWS, name.kind is Kind.REPLAY
    if options.where and not recorded:
        raise UsageError("--where", "is only for replay:FILE", "Leave it out.")
    if options.parameter and name.kind is not Kind.LOCAL:
        raise UsageError("--parameter", "is only for templates: local:PATH", "Leave it out.")
    if options.isolation is not DEFAULT and not on_aws:
        raise UsageError("--isolation", "is only for functions on AWS", "Leave it out.")
    if recorded:
        from tuner.targets.replay import open_replay, open_replays

        where = dict(options.where)
        return open_replays(name, arches, where) if arches else open_replay(name, where)
    if on_aws:
        from tuner.targets.aws_versions import AwsOptions

        session = _session(options, options.region)
        own = AwsOptions(session, isolation=options.isolation, progress=progress, clock=clock)
        return _open_aws(options, arches, replace(own, stop=stop))
    if arches:
        reason = "runs on this machine's processor, which cannot measure another architecture"
        fix = "Leave --architectures out, or name a function on AWS or a recording."
        raise UsageError(name.text, reason, fix)
    from tuner.targets.embedded import EmbeddedOptions
    from tuner.targets.local import LocalOptions, open_local

    how = LocalOptions(
        handler=options.handler,
        runtime=options.runtime,
        environment=dict(options.env),
        parameters=dict(options.parameter),
        node=options.node,
        embedded=EmbeddedOptions(cpu=options.cpu),
        progress=progress,
        clock=clock,
    )
    return open_local(name, how)


def _open_aws(options: FunctionOptions, arches: str, how: "AwsOptions") -> Target:
    from tuner.targets.aws import on_architectures, open_aws

    target = open_aws(options.name, how)
    try:
        if target.lacks_control_plane():
            return _invoke_only(options, arches, target.session)
        return on_architectures(target, arches) if arches else target
    except BaseException:
        target.close()
        raise


def _invoke_only(options: FunctionOptions, arches: str, session: "AwsSession") -> Target:
    """A function behind an endpoint without Lambda's control plane. Raises UsageError for what
    needs one."""
    from tuner.targets.invoke_only import InvokeOnly, Known

    given = options.values()
    asked = given.get("memory")
    sizes = asked.sizes_mb if isinstance(asked, MemoryRange) else (asked,)
    swept, out = isinstance(asked, MemoryRange), "Leave it out."
    needs = {
        "--architectures": (bool(arches), out),
        "--isolation": (options.isolation is not DEFAULT, out),
        "--cold": (bool(given.get("cold")), "Measure cold starts on AWS or with local:PATH."),
        "--memory": (len(sizes) != 1, "Name the one size that it has, such as --memory 512."),
        "--profile-load": (swept and bool(given.get("profile_load")), "Run `tuner load` itself."),
    }
    for option, fix in ((each, fix) for each, (there, fix) in needs.items() if there):
        reason = f"needs Lambda's control plane, and {session.endpoint_url} knows Invoke only"
        raise UsageError(option, reason, fix)
    return InvokeOnly(session, options.name, Known(sizes[0], options.runtime, options.handler))


def _session(options: FunctionOptions, region: str | None) -> "SessionOptions":
    from tuner.aws.session import SessionOptions

    where, role = options.endpoint_url, options.assume_role
    return SessionOptions(region, options.profile, where, assume_role=role)


def target_notes(target: Target) -> tuple[Advice, ...]:
    """Warnings about a recording, or about how a function was isolated."""
    from tuner.decide.conclude_across import told_apart
    from tuner.measure.health import recording_advice

    found = {
        part.arch: (*recording.notes, *recording_advice(recording, recording.sizes()))
        for part, recording in target.recordings().items()
    }
    return tuple(dict.fromkeys((*target.notes, *told_apart(found))))


def open_engine(target: Target, clock: Clock, start: EngineStart) -> Engine:
    """Open the engine that a target's invocations go through."""
    endpoint, send = start.endpoint or target.endpoint(), start.send
    if endpoint is None:
        given = {
            "--url": send.front is not None,
            "--web-ui": send.workers.web is not None,
            "--locustfile": send.locustfile,
            "--pre and --post": start.processors is not None,
        }
        for option in (each for each in given if given[each]):
            reason = "cannot be used with a recording: nothing is sent"
            raise UsageError(option, reason, "Leave it out.")
        from tuner.engine.replay_engine import ReplayEngine

        return ReplayEngine(target.recordings(), start.seed, start.elapsed_s)
    from tuner.engine.locust_engine import LocustEngine

    engine = LocustEngine(endpoint, clock, start.origin_s, send.workers, start.processors)
    engine.start()  # it comes up while the first versions are published
    return engine


def _open_processors(options: RunOptions, most_failures: int) -> Processors | None:
    """Open the pre- and post-processor that the options name; ``None`` without any."""
    if options.pre is None and options.post is None:
        return None
    pre = None if options.pre is None else _processor("--pre", options.pre, options)
    post = None if options.post is None else _processor("--post", options.post, options)
    return Processors(pre, post, most_failures)


def _processor(option: str, text: str, options: RunOptions) -> Processor:
    function = lambda_of(text)
    if function is None:
        return local_processor(option, text)
    from tuner.aws.payloads import invoker
    from tuner.aws.session import open_session

    region = parse_target(f"aws:{function}").region or options.region
    session = open_session(_session(options, region))
    return function_processor(text, invoker(session, function))
