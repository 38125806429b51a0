"""What it means to be as good as the best size, in words: by what is chosen for.

One sentence for confidence, doubts and the safe range, so that a reader sees what each percentage
is a chance of.
"""

from tuner.units import format_share

#: To do so, doing so, and what of: cost, duration, or both in balance.
_WORDS = {
    "cost": ("cost", "costs", "at most {} more than the cheapest size{}"),
    "speed": ("take", "takes", "at most {} longer than the fastest size{}"),
    "balanced": ("be", "is", "within {} of the best balance of cost and duration{}"),
}
#: A stored answer may name a strategy that this version does not know.
_OTHER = ("be", "is", "within {} of the best size{}")


def to_be_as_good(strategy: str, within: float, *, objectives: bool = False) -> str:
    """``cost at most 5 % more than the cheapest size``, after "sure to" and "estimated to"."""
    return _words(strategy, within, 0, ", and to meet them" if objectives else "")


def is_as_good(strategy: str, within: float, *, objectives: bool = False) -> str:
    """``costs at most 5 % more than the cheapest size``."""
    return _words(strategy, within, 1, ", and meets them" if objectives else "")


def _words(strategy: str, within: float, form: int, meets: str) -> str:
    """To meet the objectives comes last: it alone is another, larger probability."""
    words = _WORDS.get(strategy, _OTHER)
    verb, what = words[form], words[2]
    those = " of sizes" if strategy == "balanced" else ""
    of = f"{those} that meet{'' if those else 's'} the objectives" if meets else ""
    return f"{verb} {what.format(format_share(within), of)}{meets}"
