"""A handler whose loading takes about half a second of CPU."""

import time

while time.process_time() < 0.5:
    pass


def handler(event, context):
    """Nothing is left to do."""
