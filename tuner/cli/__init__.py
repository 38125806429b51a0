"""The command line: commands by subject: options -> api -> show.

A command holds no logic and no arithmetic; heavy imports (boto3, scipy, altair) happen inside it,
so that ``tuner --help`` is quick. To add a command: a class of options, a function of its name in a
file here, one line in ``commands.py``.
"""
