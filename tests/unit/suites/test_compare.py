"""Stored runs compared: what is said beside the verdicts."""

from pathlib import Path

from support.factories import a_function, a_run, a_sample
from tuner.records import Backend
from tuner.store.runs import Store
from tuner.suites.compare import compare_runs


def test_runs_of_two_functions_are_compared_as_such(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    names = {"01A": "orders", "01B": "orders", "01C": "invoices"}
    with Store.open(url) as store:
        for run, name in names.items():
            store.start(a_run(run, target=name, facts=a_function(name, backend=Backend.AWS)))
            store.add(run, [a_sample(512, call=n, ran_ms=40.0 + n % 3) for n in range(12)])
    same, other = (compare_runs("01A", run, store_url=url).warnings for run in ("01B", "01C"))
    assert [advice.code for advice in same] == []
    [advice] = other
    assert advice.code == "different-functions"
    assert "two functions, orders and invoices" in advice.text
