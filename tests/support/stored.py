"""What tests put into stores, also from processes of their own, and stores of earlier versions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, inspect, text

from support.earlier_stores import make_tables
from support.factories import a_function, a_run, a_sample
from tuner.records import Backend, RunRecord, RunState, Sample
from tuner.store import connect
from tuner.store.plain import columns, sample_row

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


def write_as(
    url: str,
    version: str,
    run: RunRecord,
    samples: Sequence[Sample],
    documents: Mapping[str, Any] | None = None,
) -> None:
    """A store as this version of the schema has it, with a run in it."""
    engine = connect.connect(connect.address(url))
    with connect.transaction(engine, writes=True) as connection:
        make_tables(connection, version)
        insert(connection, "tuner_runs", columns(run))
        for sample in samples:
            insert(connection, "tuner_samples", sample_row(1, sample))
        for name, body in (documents or {}).items():
            row = {"run_id": 1, "name": name, "body": json.dumps(body)}
            insert(connection, "tuner_documents", row)
    engine.dispose()


def insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    """Write what of the row the table has columns for."""
    known = {column["name"] for column in inspect(connection).get_columns(table)}
    names = [name for name in row if name in known]
    marks = ", ".join(f":{name}" for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), row)
