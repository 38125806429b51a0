"""The only factory: turns texts (a target, a store's URL) into the objects that runs work with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tuner.clock import Clock, WallClock
from tuner.engine.engine import Engine
from tuner.engine.front import FrontOptions
from tuner.engine.processors import (
    Processor,
    Processors,
    function_processor,
    lambda_of,
    local_processor,
)
from tuner.engine.worker_pool import Workers
from tuner.options.calls import RunOptions
from tuner.options.function import FunctionOptions, architectures_of
from tuner.records import Advice
from tuner.store.runs import Store
from tuner.targets.choices import DEFAULT
from tuner.targets.names import Kind, parse_target
from tuner.targets.seam import Progress, Target

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


@dataclass(frozen=True)
class EngineStart:
    """What an engine begins with: the run's start on the clock, how far the run has come before,
    chance, and how it sends."""

    origin_s: float
    seed: int
    elapsed_s: float = 0.0
    send: SendOptions = PLAIN
    processors: Processors | None = None


@contextmanager
def open_context(
    options: RunOptions,
    store_url: str | None,
    progress: Progress,
    elapsed_s: float = 0.0,
    send: SendOptions = PLAIN,
) -> Iterator[Context]:
    """Open everything that a run needs, and close it in the end, whatever happened.

    ``elapsed_s`` is how long a resumed run has been going on already; ``send`` is how it sends.
    """
    clock = WallClock()
    with Store.open(store_url) as store:
        processors = open_processors(options, send.most_failures)
        target = open_target(options, progress, clock)
        try:
            origin = clock.monotonic() - elapsed_s
            start = EngineStart(origin, options.seed, elapsed_s, send, processors)
            engine = open_engine(target, clock, start)
            try:
                yield Context(target, engine, store, clock, origin, target_notes(target))
            finally:
                engine.close()
        finally:
            target.close()


def open_target(options: FunctionOptions, progress: Progress, clock: Clock) -> Target:
    """The target that its text names. Raises UsageError or TargetError."""
    name, arches = options.name, ",".join(architectures_of(options))
    if options.where and name.kind is not Kind.REPLAY:
        raise _only_for("--where", "replay:FILE")
    if name.kind is not Kind.AWS and options.isolation is not DEFAULT:
        raise _only_for("--isolation", "functions on AWS")
    if name.kind is Kind.REPLAY:
        from tuner.targets.replay import open_replay, open_replays

        where = dict(options.where)
        if arches:
            return open_replays(name, arches, where)
        return open_replay(name, where)
    if arches and name.kind is not Kind.AWS:
        raise _this_machines_only(name.text)
    if name.kind is Kind.AWS:
        from tuner.aws.session import SessionOptions
        from tuner.targets.aws import open_aws
        from tuner.targets.aws_versions import AwsOptions

        session = SessionOptions(
            options.region,
            options.profile,
            options.endpoint_url,
            assume_role=options.assume_role,
        )
        target = open_aws(
            name, AwsOptions(session, isolation=options.isolation, progress=progress, clock=clock)
        )
        if arches:
            from tuner.targets.aws import on_architectures

            try:
                return on_architectures(target, arches)
            except BaseException:
                target.close()
                raise
        return target
    from tuner.targets.embedded import EmbeddedOptions
    from tuner.targets.local import LocalOptions, open_local

    return open_local(
        name,
        LocalOptions(
            handler=options.handler,
            runtime=options.runtime,
            environment=dict(options.env),
            embedded=EmbeddedOptions(cpu=options.cpu),
            progress=progress,
            clock=clock,
        ),
    )


def target_notes(target: Target) -> tuple[Advice, ...]:
    """What a reader has to know of a recording, or of how a function was isolated."""
    from tuner.decide.conclude_across import told_apart
    from tuner.measure.health import recording_advice

    found = {
        part.arch: (*recording.notes, *recording_advice(recording, recording.sizes()))
        for part, recording in target.recordings().items()
    }
    return tuple(dict.fromkeys((*target.notes, *told_apart(found))))


def open_engine(target: Target, clock: Clock, start: EngineStart) -> Engine:
    """The engine that a target's invocations go through."""
    endpoint, send = target.endpoint(), start.send
    if endpoint is None:
        if send.front is not None:
            raise _not_of_a_recording("--url")
        if send.workers.web is not None:
            raise _not_of_a_recording("--web-ui")
        if send.locustfile:
            raise _not_of_a_recording("--locustfile")
        if start.processors is not None:
            raise _not_of_a_recording("--pre and --post")
        from tuner.engine.replay_engine import ReplayEngine

        return ReplayEngine(target.recordings(), start.seed, start.elapsed_s)
    from tuner.engine.locust_engine import LocustEngine

    if send.front is not None:
        endpoint = send.front.endpoint(endpoint)
    engine = LocustEngine(endpoint, clock, start.origin_s, send.workers, start.processors)
    engine.start()  # it comes up while the first versions are published
    return engine


def _only_for(option: str, kind: str) -> Exception:
    from tuner.errors import UsageError

    return UsageError(option, f"is only for {kind}", "Leave it out.")


def open_processors(options: RunOptions, most_failures: int) -> Processors | None:
    """The pre- and post-processor that ``--pre`` and ``--post`` name; ``None`` without any."""
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
    from tuner.aws.session import SessionOptions, open_session

    name = parse_target(f"aws:{function}")
    session = SessionOptions(
        name.region or options.region,
        options.profile,
        options.endpoint_url,
        assume_role=options.assume_role,
    )
    return function_processor(text, invoker(open_session(session), function))


def _this_machines_only(target: str) -> Exception:
    from tuner.errors import UsageError

    return UsageError(
        target,
        "runs on this machine's processor, which would measure no other architecture",
        "Leave --architectures out, or name a function on AWS or a recording.",
    )


def _not_of_a_recording(option: str) -> Exception:
    from tuner.errors import UsageError

    return UsageError(
        option, "cannot go with a recording, which answers by itself", "Leave it out."
    )
