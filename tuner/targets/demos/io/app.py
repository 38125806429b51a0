"""Example: a function that mostly waits for other services. More memory hardly helps."""

import json
import time

# Sleeping stands for the network: three services that answer after these many seconds.
WAITS_S = (0.030, 0.020, 0.030)


def handler(event, context):
    """Ask three services one after another and put their answers together."""
    answers = [_ask(number, wait_s) for number, wait_s in enumerate(WAITS_S)]
    return {"answers": answers, "bytes": sum(len(json.dumps(answer)) for answer in answers)}


def _ask(number, wait_s):
    time.sleep(wait_s)
    return {"service": number, "items": list(range(20))}
