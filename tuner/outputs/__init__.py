"""Outputs: results for other programs, made of stored documents, so that each can be made again.

Of a ``tuner.bench/1``, ``markdown`` has what people read and ``programs`` what programs do;
``lines`` words the gates for all of them. ``otlp`` has the metrics of a sweep or a load for a
collector. Only ``write`` writes or sends. To add a format of benches: a function in one of them,
and its line in ``write``.
"""
