"""The local Lambda: a program of its own that speaks Lambda's HTTP API on loopback.

It runs real handlers in child processes, under Lambda's CPU shares and memory limits, and answers
as AWS does. It imports nothing of the tuner above ``fleet``; the commands that start it
(``python -m tuner.locallambda``, ``tuner local``) are all that imports it.

``serve`` (the process) > ``api`` (HTTP) > ``service`` (the wiring) > ``events``, ``pool`` >
``registry`` (what functions there are) > ``sandbox`` (processes that run them) > ``limits``.
"""
