"""Local Lambda: a program of its own that speaks Lambda's HTTP API on loopback.

It runs real handlers in child processes, under Lambda's CPU shares and memory limits, and answers
as AWS does. Of ours it imports only the words, ``fleet`` and ``reportline``; nothing else imports
it, it is started with ``python -m tuner.locallambda``. To add an API call: a route and its
recorded answer, with a test through boto3.
"""
