"""The command line: one file per command: options -> api -> show.

A command holds no logic and no arithmetic; heavy imports (boto3, scipy, altair) happen inside it,
so that ``tuner --help`` is quick. To add a command: a class of options, a file here with a
function of its name, one line in ``app.py``.
"""
