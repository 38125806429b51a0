"""The experiment: everything that measures a function runs through one loop (``experiment.py``).

    while isinstance(ask := planner.next(so_far), Ask):
        for sample in session.run(ask):
            book.take(sample)

Read ``experiment.py`` (the loop, and what holds around it), ``session.py`` (an ask becomes calls
and samples), then ``sweep.py`` or ``load.py`` (which planners run, and what is concluded), and
``wiring.py`` (what all of it is made of); ``afterwards.py`` and ``cross_check.py`` ask for what is
known only later. Planners are in ``tuner.planning`` and beside it; a new
axis is a field of ``Setting``, never another loop.
"""
