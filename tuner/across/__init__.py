"""Across: measures several architectures of a function in one run, interleaved.

May import what stands to the right of ``flow``, ``underload`` aside. It decides nothing:
``recommend.across`` says what to ask, ``measure.session`` invokes, ``target.architectures`` makes
the settings callable. To compare along another axis: a key beside ``Setting`` and its target.
"""
