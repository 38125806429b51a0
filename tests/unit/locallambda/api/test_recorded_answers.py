"""Each answer that was recorded on AWS, beside that of the local Lambda."""

from pathlib import Path
from typing import Any

import pytest

from support.recorded_answers import ROWS, Row, dated

DOCS = Path(__file__).parents[4] / "docs" / "local-functions.md"


@pytest.fixture(scope="module")
def asked(api_for_module: Any) -> Any:
    """A local Lambda with the function that the rows are about."""
    api_for_module.ready()
    api_for_module.call("POST", "/2015-03-31/functions/f/versions", {})
    alias = {"Name": "live", "FunctionVersion": "1"}
    api_for_module.call("POST", "/2015-03-31/functions/f/aliases", alias)
    return api_for_module


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_the_answer_is_that_of_aws(asked: Any, row: Row) -> None:
    reply = asked.call(row.method, dated(row.path), row.body, **row.query)
    ours = (reply.status, reply.error, reply.text if reply.error else None)
    recorded = (row.status, row.error, row.text)
    assert (ours == recorded) is not bool(row.differs), ours


def test_what_differs_is_in_the_docs_with_a_reason() -> None:
    written = DOCS.read_text()
    missing = {row.differs for row in ROWS if row.differs and f"| {row.differs} |" not in written}
    assert not missing
