"""Sweeps that nobody would want: a Hypothesis strategy with odd values in every field."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from hypothesis import strategies as st

from support.sweeps import figures
from tuner.decide.result import (
    CurveBand,
    Sweep,
)
from tuner.engine.engine import Shortfall
from tuner.measure.failures import Cause
from tuner.measure.load_figures import LoadFigures, LoadTally
from tuner.records import (
    RunRecord,
)

#: Text and numbers as nobody would like them.
odd_text = st.sampled_from(["<script>alert(1)</script>", "[bold]", "{{ 7 * 7 }}", "a\nb", "", "–"])
odd_number = st.floats() | st.sampled_from([0.0, -1.0, 1e-300, 1e300])
_SCALARS = {
    bool: st.booleans(),
    int: st.integers(-1, 20_000),
    float: odd_number,
    str: odd_text | st.text(max_size=8),
    LoadFigures: st.sampled_from(
        [
            figures(128, 40.0, 3, 20),
            figures(128, 1.0, 20, 20),
            LoadTally().figures(0.0, None, Shortfall(), None),
        ]
    ),
    CurveBand: st.integers(0, 5).flatmap(
        lambda n: st.builds(
            CurveBand,
            st.lists(st.integers(128, 10_240), min_size=n, max_size=n, unique=True).map(
                lambda sizes: np.array(sorted(sizes), dtype=np.int64)
            ),
            *[st.lists(odd_number, min_size=n, max_size=n).map(np.array)] * 9,
        )
    ),
}


#: A few, since each would draw as much as a row.
_CAUSES = (
    (),
    (Cause("", None, 0, ()),),
    (
        Cause("<b>[bold]", "</pre>" * 9, 3, (128, 512), "</pre>\n\n{{ 7 * 7 }}"),
        Cause("B", "", 1, (1,)),
    ),
)


def any_record(kind: Any, alone: bool = False) -> st.SearchStrategy[Any]:
    """A record of a sweep with odd values in every field; ``alone`` without another beside it."""
    hints = get_type_hints(kind, localns={"LoadFigures": LoadFigures})
    special = {"memory_mb": st.integers(128, 10_240), "causes": st.sampled_from(_CAUSES)}
    if kind is Sweep:
        others = st.just(()) if alone else st.lists(any_record(Sweep, alone=True), max_size=1)
        special["beside"] = special["payloads"] = others.map(tuple)
    if kind is RunRecord:
        special["started_at"] = odd_number
    return st.builds(
        kind,
        **{name: special[name] if name in special else _any(hint) for name, hint in hints.items()},
    )


def _any(hint: Any) -> st.SearchStrategy[Any]:
    inner = get_args(hint)
    if get_origin(hint) is UnionType:
        return st.one_of([st.none() if each is type(None) else _any(each) for each in inner])
    if get_origin(hint) is tuple:
        if inner[-1] is Ellipsis:
            return st.lists(_any(inner[0]), max_size=3).map(tuple)
        return st.tuples(*map(_any, inner))
    if get_origin(hint) is Mapping:
        anything = _SCALARS[str] | odd_number | st.none()
        value = anything if inner[1] is Any else _any(inner[1])
        return st.dictionaries(_SCALARS[str], value, max_size=3)
    if hint in _SCALARS:
        return _SCALARS[hint]
    return any_record(hint) if is_dataclass(hint) else st.sampled_from(list(hint))
