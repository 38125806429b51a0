"""The function, other hands on it, and what of it is not ours: what it has to be in the end."""

from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

from simulation.plan import FORMER_MB, THEIRS, Plan
from simulation.service import Service
from simulation.state import ACCOUNT, Config, Function
from tuner.aws.policy import CLONE_PREFIX

NAME = "orders"
_KEYS = (
    *("MemorySize", "Description", "Timeout", "Environment", "Role", "CodeSha256"),
    "Architectures",
)


@dataclass
class Shadow:
    """The function as it would be without us."""

    config: Config
    versions: set[str]
    alias: str | None  # the version that it points at; ``None`` if it is deleted
    weights: dict[str, float] = field(default_factory=dict)
    provisioned: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    gone: bool = False
    #: The memory before a hand set a size that we set, too: it goes back where nothing shows whose
    #: it is, so that either may be there in the end.
    unseen_mb: set[int] = field(default_factory=set)


@dataclass
class World:
    """The service, the function on it, other hands, and what of it is not ours."""

    plan: Plan
    rng: Random
    service: Service
    shadow: Shadow = field(init=False)

    def __post_init__(self) -> None:
        plan, service = self.plan, self.service
        service.lag_s, service.takes_s, service.fails = plan.lag_s, plan.takes_s, plan.fails
        service.tags_move = plan.tags_move
        self._deploy(FORMER_MB)
        for moment, hand in plan.hands:
            service.at(moment, lambda hand=hand: self._hand(hand))  # type: ignore[misc]

    def _deploy(self, memory_mb: int) -> None:
        function = self.service.add(NAME, MemorySize=memory_mb)
        first = self.service.publish(NAME, "first")
        alias = {"Name": "live", "FunctionVersion": first["Version"]}
        alias["RevisionId"] = self.service.revision()
        function.aliases["live"] = alias
        self.shadow = Shadow(deepcopy(function.latest), set(function.versions), first["Version"])

    def _hand(self, hand: str) -> None:
        """Somebody else's change; one that meets ours in progress is tried again, as tools do."""
        service = self.service
        function = service.functions.get(NAME)
        if function is None:
            return
        busy = function.latest["LastUpdateStatus"] == "InProgress"
        if hand in ("delete", "redeploy", "adopt"):
            del service.functions[NAME]
            self.shadow.gone = True
            if hand == "redeploy":
                self._deploy(self.rng.choice(THEIRS))
                if self.service.functions[NAME].latest["MemorySize"] in self._ours():
                    self.shadow.unseen_mb = {FORMER_MB}
            elif hand == "adopt":  # with the size that it has
                self._deploy(function.latest["MemorySize"])
        elif busy:
            service.at(service.now + 1.0, lambda: self._hand(hand))
        elif hand in _BESIDE:
            _BESIDE[hand](self, function)
        else:
            changed = self._fields(hand)
            if hand == "code":  # other code stays on the architecture that it was deployed for
                self.shadow.config["Architectures"] = function.latest["Architectures"]
            if "MemorySize" in changed:
                unseen = changed["MemorySize"] in {function.latest["MemorySize"], *self._ours()}
                before_mb = {*self.shadow.unseen_mb, self.shadow.config["MemorySize"], FORMER_MB}
                self.shadow.unseen_mb = before_mb if unseen else set()
            service.change(NAME, **changed)
            self.shadow.config.update(changed)

    def _ours(self) -> set[int]:
        return {size for tuner in self.plan.tuners for size in tuner.sizes}

    def _fields(self, hand: str) -> Config:
        memory = {"MemorySize": self.rng.choice(THEIRS)}
        text = {"Description": f"build {self.rng.randint(1, 99)}"}
        code = {"CodeSha256": f"sha-{self.rng.random()}"}
        fields: dict[str, Config] = {
            "memory": memory,
            "description": text,
            "memory+description": {**memory, **text},
            "timeout": {"Timeout": self.rng.randint(31, 60)},
            "environment": {"Environment": {"Variables": {"A": str(self.rng.random())}}},
            "role": {"Role": f"arn:aws:iam::{ACCOUNT}:role/r{self.rng.randint(1, 99)}"},
            "code": code,
            "architecture": {**code, "Architectures": [self.rng.choice(("x86_64", "arm64"))]},
        }
        return fields[hand]

    def _publish(self, _function: Function) -> None:
        made = self.service.publish(NAME, "theirs")
        if made["Description"] == "theirs":  # otherwise Lambda gave them one of ours
            self.shadow.versions.add(made["Version"])

    def _prune(self, function: Function) -> None:
        """Delete the versions that no alias points at, as cleaning tools do."""
        used = {one["FunctionVersion"] for one in function.aliases.values()}
        used.update(*(_weights(one) for one in function.aliases.values()))
        for number in set(function.versions) - used:
            self.service.delete_function(NAME, number)
        self.shadow.versions &= set(function.versions)
        self.shadow.provisioned = {
            number: count
            for number, count in self.shadow.provisioned.items()
            if number in function.versions
        }

    def _alias(self, function: Function) -> None:
        if len(self.shadow.versions) < 2:
            self._publish(function)
        if self.shadow.versions:
            self._point(function, self.rng.choice(sorted(self.shadow.versions)), {})

    def _alias_split(self, function: Function) -> None:
        if len(self.shadow.versions) < 2:
            self._publish(function)
        if not self.shadow.versions:
            return
        one, *others = self.rng.sample(sorted(self.shadow.versions), len(self.shadow.versions))
        self._point(function, one, {others[0]: 0.1} if others else {})

    def _point(self, function: Function, version: str, weights: dict[str, float]) -> None:
        shadow = self.shadow
        if shadow.alias is not None:
            shadow.alias, shadow.weights = version, weights
            routing = {"AdditionalVersionWeights": weights}
            moved = {"FunctionVersion": version, "RoutingConfig": routing}
            function.aliases["live"].update(moved, RevisionId=self.service.revision())

    def _alias_delete(self, function: Function) -> None:
        function.aliases.pop("live", None)
        self.shadow.alias, self.shadow.weights = None, {}

    def _provision(self, function: Function) -> None:
        number = min(self.shadow.versions, default=None)
        if number is None:
            return
        function.provisioned[number] = self.shadow.provisioned[number] = 5

    def _tag(self, function: Function) -> None:
        function.tags["team"] = self.shadow.tags["team"] = "shop"

    def tagged(self, run: str) -> bool:
        """Tell if a run says something on the function."""
        function = self.service.functions.get(NAME)
        return function is not None and any(run in key for key in function.tags)

    def wrong(self) -> list[str]:
        """Return what is not as it was, and not as other hands have left it."""
        functions, shadow = self.service.functions, self.shadow
        found = [f"copy {name} is left" for name in functions if name.startswith(CLONE_PREFIX)]
        function = functions.get(NAME)
        if function is None:
            return found if shadow.gone else [*found, "the function is gone"]
        for key in _KEYS:
            now, then = function.latest.get(key), shadow.config.get(key)
            unseen = key == "MemorySize" and now in shadow.unseen_mb
            if now != then and not unseen:
                found.append(f"{key} is {now}, not {then}")
        if function.latest["SnapStart"]["ApplyOn"] != "None":
            found.append("SnapStart is on")
        return found + self._left_beside(function)

    def _left_beside(self, function: Function) -> list[str]:
        shadow, found = self.shadow, []
        ours = set(function.versions) - shadow.versions
        if ours:
            found.append(f"versions {sorted(ours)} are left")
        if shadow.versions - set(function.versions):
            found.append("a version of theirs is gone")
        alias = function.aliases.get("live", {})
        if alias.get("FunctionVersion") != shadow.alias or _weights(alias) != shadow.weights:
            found.append(f"alias at {alias}, not {shadow.alias} {shadow.weights}")
        if function.tags != shadow.tags:
            found.append(f"tags {sorted(function.tags)} are left of {sorted(shadow.tags)}")
        if function.provisioned != shadow.provisioned:
            found.append(f"provisioned concurrency {function.provisioned} is left")
        return found


def _weights(alias: Config) -> dict[str, float]:
    return dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})


_BESIDE = {
    "publish": World._publish,
    "prune": World._prune,
    "alias": World._alias,
    "alias-split": World._alias_split,
    "alias-delete": World._alias_delete,
    "provision": World._provision,
    "tag": World._tag,
}
