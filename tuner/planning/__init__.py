"""Planners: what to call next, and when to stop; and forecasts of calls, time and money.

``ask.py`` says what a planner is told and answers; one file each has ``cold`` starts, ``starts``
(ways to start), the search for the highest rate (``find_limit``), and the cores of ``grid`` and
``adaptive``. Planners that need a curve or a verdict are beside those: ``decide.planner`` (a sweep
over architectures), ``decide.confirm`` (its pick), ``decide.load_plan`` (sizes under load),
``suites.rounds`` (a bench). All are pure: no network, disk or clock, and no chance but from a seed.
"""
