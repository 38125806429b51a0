"""The control of benchmarks: work that never changes, so its drift is the platform's alone.

Half of it is hashing in C, half is the interpreter and its memory. A change here makes every
stored baseline useless, so raise ``ENGINE`` in ``tuner/suites/baseline.py`` with it.
"""

import hashlib

ROUNDS = 16_000  # about 5 ms at full speed on a server core of 2024
ITEMS = 24_000  # about as long


def handler(event, context):
    """The same amount of work every time, whatever is asked."""
    key = hashlib.pbkdf2_hmac("sha256", b"control", b"a fixed salt", ROUNDS)
    table = {}
    for number in range(ITEMS):
        table[number * 7919 % 10_007] = table.get(number % 10_007, 0) + number
    return {"key": key.hex(), "sum": sum(table.values())}
