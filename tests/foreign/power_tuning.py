#!/usr/bin/env python3
"""Runs the code of aws-lambda-power-tuning against the local Lambda. By hand; needs node and npm.

    git clone --depth 1 https://github.com/alexcasalboni/aws-lambda-power-tuning
    (cd aws-lambda-power-tuning && npm install)
    python tests/foreign/power_tuning.py aws-lambda-power-tuning

Its handlers run in the order of its state machine: initializer, publisher until it has published
every size, executor for each size at once, cleaner, analyzer, optimizer. Then the function has the
memory size that was found, no alias is left, and one version, which the publisher makes of the size
before and nobody deletes.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from served import REGION, computing_function, local_lambda

SIZES = [128, 256, 512]
RUN = """
require(process.argv[1]).handler(JSON.parse(require("fs").readFileSync(0)), {}).then(
  (told) => require("fs").writeFileSync(process.argv[2], JSON.stringify(told ?? null)),
  (error) => { console.error(error); process.exit(1); });
"""


def settings(checkout: Path) -> dict[str, str]:
    """The variables that its template gives to its functions."""
    template = (checkout / "template.yml").read_text(encoding="utf-8")
    prices = {name: re.search(f"{name}: '(.*)'", template) for name in ("baseCosts", "sfCosts")}
    return {
        "defaultPowerValues": ",".join(map(str, SIZES)),
        "minRAM": "128",
        "visualizationURL": "https://lambda-power-tuning.show/",
        **{name: found[1] for name, found in prices.items() if found},
    }


def step(checkout: Path, name: str, event: Any, environment: dict[str, str]) -> Any:
    """What one of its handlers answers."""
    module = (checkout / "lambda" / f"{name}.js").resolve()
    with tempfile.NamedTemporaryFile() as answer:  # its log is on standard output
        done = subprocess.run(
            ["node", "-e", RUN, str(module), answer.name],
            input=json.dumps(event).encode(),
            env=os.environ | environment,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"{name} failed:\n{done.stderr.decode()}")
        return json.loads(answer.read())


def tune(checkout: Path, url: str) -> int:
    client, arn = computing_function(url, "tuned")
    environment = settings(checkout) | {"AWS_ENDPOINT_URL_LAMBDA": url, "AWS_REGION": REGION}

    def run(name: str, event: Any) -> Any:
        return step(checkout, name, event, environment)

    state: dict[str, Any] = {"lambdaARN": arn, "num": 10, "payload": {}, "strategy": "cost"}
    state |= {"powerValues": SIZES, "parallelInvocation": True, "autoOptimize": True}
    state["lambdaConfigurations"] = run("initializer", state)
    while state["lambdaConfigurations"]["iterator"]["continue"]:
        state["lambdaConfigurations"] = run("publisher", state)
    values = state["lambdaConfigurations"]["powerValues"]
    with ThreadPoolExecutor() as pool:
        events = [{"input": state, "value": value} for value in values]
        state["stats"] = list(pool.map(lambda event: run("executor", event), events))
    run("cleaner", state)
    state["analysis"] = run("analyzer", state)
    run("optimizer", state)
    found = state["analysis"]["power"]
    left = client.list_versions_by_function(FunctionName="tuned")["Versions"][1:]
    aliases = client.list_aliases(FunctionName="tuned")["Aliases"]
    size = client.get_function_configuration(FunctionName="tuned")["MemorySize"]
    rows = [(one["value"], round(one["averageDuration"], 2)) for one in state["stats"]]
    sys.stdout.write(f"{rows}; found {found} MB, set {size} MB, {len(left)} versions and ")
    sys.stdout.write(f"{len(aliases)} aliases left\n")
    return 0 if int(found) == size and size in SIZES and len(left) == 1 and not aliases else 1


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with local_lambda() as url:
        return tune(Path(sys.argv[1]), url)


if __name__ == "__main__":
    sys.exit(main())
