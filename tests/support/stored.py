"""The run and the sample that tests put into stores, also from processes of their own."""

from support.factories import a_function, a_run, a_sample
from tuner.records import Backend, RunState

RUN = a_run(
    target="demo:cpu",
    state=RunState.RUNNING,
    finished_at=None,
    options={"memory": "128:1536", "slo": ["p95<300ms"]},
    facts=a_function(backend=Backend.LOCAL, memory_mb=128),
)
SAMPLE = a_sample(
    call=1,
    qualifier="7",
    due_s=1.0,
    sent_s=1.001,
    first_byte_s=1.02,
    done_s=1.021,
    status=200,
    duration_ms=18.25,
    billed_ms=19.0,
)
