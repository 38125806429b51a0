"""Outputs: a ``tuner.bench/1`` as Markdown, JUnit, a badge, messages, and what trackers read.

``markdown`` has what people read, ``programs`` what programs do, both from the stored document, so
that every output can be made again; only ``write`` writes or sends. ``lines`` words the gates for
all of them. To add a format: a function in one of them, and its line in ``write``.
"""
