"""Local Lambda: a program of its own that speaks Lambda's HTTP API on loopback.

It runs real handlers in child processes, under Lambda's CPU shares and memory limits, and answers
as AWS does. Of ours it imports only the words, ``fleet`` and ``reportline``; nothing else imports
it but the commands that start it (``python -m tuner.locallambda``, ``tuner local``).

The front: ``serve`` -> ``server`` -> ``routes`` -> ``*_calls`` -> ``registry``; an invocation goes
``server`` -> ``service`` -> ``pool`` -> ``sandbox``. The sandboxes: ``host`` -> ``sandbox`` ->
``runtime`` -> ``guard``. To add an API call: a line in ``routes``, a function with AWS's recorded
answer, a test through boto3. Never invent an answer that AWS does not give.
"""
