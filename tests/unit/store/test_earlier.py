"""Runs of earlier versions, whose documents told by numbers of calls what samples say now."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_sample
from support.stored import RUN, write_as
from tuner.records import Purpose, Sample, Setting
from tuner.store.documents import StartFacts, Startups, stored_loads, stored_startups
from tuner.store.entries import Closed, RunDocument, Samples
from tuner.store.exchange import StoredRun, lines
from tuner.store.migrations import brought_up
from tuner.store.plain import plain
from tuner.store.runs import Store, find
from tuner.store.spool import Spool
from tuner.store.thinning import stand_ins, thinned

ASKED = {
    "profile": "steady", "about": "", "arrival": "poisson", "peak_rps": 20.0, "users": None,
    "think_s": None, "seconds": 10.0, "retry": "none", "lanes": 40,
}  # fmt: skip
FACTS = {
    "start_s": 3.0, "asked": 4.0, "dropped": {"too late": 1}, "ending": "whole", "note": None,
    "stopped_s": None,
}  # fmt: skip
UNDER_LOAD = {
    "size-loads": {
        "asked": ASKED,
        "frames": [{"memory_mb": 512, "first_call": 2, "numbers": 3, **FACTS}],
    }
}
STARTED = {
    "startups": {
        "frames": [
            {"variant": "on-demand", "memory_mb": 512, "first_call": 0, "numbers": 2},
            {
                "variant": "provisioned=2", "memory_mb": 512, "first_call": 2, "numbers": 3,
                "ready_s": 90.0, "paid_s": 300.0, "note": None,
            },
        ]
    }
}  # fmt: skip
LOADED = [a_sample(call=n, purpose=Purpose.LOAD if n >= 2 else Purpose.WARM) for n in range(6)]
STARTS = [a_sample(call=n, purpose=Purpose.COLD) for n in range(5)]


def settings_of(samples: list[Sample] | tuple[Sample, ...]) -> list[Setting]:
    return [sample.setting for sample in samples]


LOAD_SETTINGS = [Setting(512)] * 2 + [Setting(512, load="steady")] * 3 + [Setting(512)]
START_SETTINGS = [Setting(512)] * 2 + [Setting(512, start="provisioned=2")] * 3


def check_loads(stored: StoredRun) -> None:
    assert settings_of(stored.samples) == LOAD_SETTINGS
    loads = stored_loads(stored.documents)
    assert loads is not None
    assert loads.asked.profile == "steady"
    [facts] = loads.each
    assert facts.setting == Setting(512, load="steady")
    assert (facts.start_s, facts.asked, facts.dropped) == (3.0, 4.0, {"too late": 1})


def check_starts(stored: StoredRun) -> None:
    assert settings_of(stored.samples) == START_SETTINGS
    demand = StartFacts(Setting(512))
    kept = StartFacts(Setting(512, start="provisioned=2"), ready_s=90.0, paid_s=300.0)
    assert stored_startups(stored.documents) == Startups((demand, kept))


def test_a_store_of_before_tells_which_samples_were_under_a_load(store_url: str) -> None:
    write_as(store_url, "0003", RUN, LOADED, UNDER_LOAD)
    for _ in range(2):
        with Store.open(store_url) as store:
            check_loads(store.stored(RUN.run))


def test_a_store_of_before_tells_how_the_samples_were_started(store_url: str) -> None:
    write_as(store_url, "0003", RUN, STARTS, STARTED)
    with Store.open(store_url) as store:
        check_starts(store.stored(RUN.run))
        assert settings_of(store.samples(RUN.run)) == START_SETTINGS


def as_before(line: str) -> str:
    """A line of a file as an earlier version wrote it."""
    found = json.loads(line, object_hook=lambda each: {
        name: value for name, value in each.items() if name not in ("start", "code", "load")
    })  # fmt: skip
    return json.dumps(found)


@pytest.mark.parametrize(
    ("samples", "documents", "check"),
    [(LOADED, UNDER_LOAD, check_loads), (STARTS, STARTED, check_starts)],
)
def test_an_exported_run_of_before_is_read_and_imported(
    samples: list[Sample],
    documents: Mapping[str, Any],
    check: Callable[[StoredRun], None],
    file_store: Store,
    tmp_path: Path,
) -> None:
    file = tmp_path / "run.jsonl"
    written = lines(StoredRun(RUN, tuple(samples), documents))
    file.write_text("".join(as_before(line) + "\n" for line in written))
    check(find(str(file)))
    check(file_store.stored(file_store.import_(file).run))


def test_what_waited_of_a_run_of_before_is_delivered_as_it_is_now(store_url: str) -> None:
    with Store.open(store_url) as store:
        store.start(RUN)
        store.add(RUN.run, LOADED[:3])
        spool = Spool(store.where, RUN)
        spool.write(Samples(tuple(LOADED[3:])))
        spool.write(RunDocument("size-loads", UNDER_LOAD["size-loads"]))
        spool.write(Closed())
        spool.close()
    kept = [as_before(line) for line in spool.path.read_text().splitlines()]
    spool.path.write_text("".join(line + "\n" for line in kept))
    with Store.open(store_url) as store:
        check_loads(store.stored(RUN.run))


def test_a_run_that_was_thinned_before_stands_in_as_it_did() -> None:
    samples = [a_sample(arch="arm64", call=n, ran_ms=50.0 + n) for n in range(8)]
    before = json.loads(as_before(json.dumps(thinned(samples, 1e9))))
    assert {s.setting for s in stand_ins(before, "run")} == {Setting(512, "arm64")}
    assert stand_ins(before, "run") == stand_ins(thinned(samples, 1e9), "run")


def test_documents_of_now_and_broken_ones_are_left_as_they_are() -> None:
    for body in ({"each": []}, {"frames": 7}, {"frames": [{"first_call": 1}]}, {}):
        documents = {"size-loads": body, "startups": body, "other": {"frames": []}}
        assert brought_up(LOADED, documents, "arm64") == (tuple(LOADED), documents)


settings = st.builds(
    Setting,
    st.integers(128, 10_240),
    st.sampled_from(["x86_64", "arm64"]),
    st.just("on-demand") | st.just("snapstart") | st.integers(1, 99).map("provisioned={}".format),
    st.sampled_from(["", "before", "control"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)


@given(st.lists(settings, max_size=5))
def test_settings_are_ordered_hashed_and_written_as_what_they_say(found: list[Setting]) -> None:
    assert sorted(found) == sorted(found, key=tuple)
    assert len(set(found)) == len({(s.memory_mb, *s[1:]) for s in found})
    for setting in found:
        sample = a_sample(setting=setting)
        written = json.loads(json.dumps(plain(sample)))
        assert written["memory_mb"] == setting.memory_mb
        assert Setting(**{name: written[name] for name in Setting._fields}) == setting
        assert (sample.memory_mb, sample.arch) == (setting.memory_mb, setting.arch)
        assert setting.provisioned == int(setting.start.partition("=")[2] or 0)
