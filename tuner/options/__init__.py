"""Options: every option declared once, and read once, at the border; values behind it.

``option.py`` says what an option is, ``kinds.py`` and ``readers.py`` how each kind is read. The
classes of ``function.py``, ``calls.py``, ``sweep.py``, ``load_options.py``, ``output.py`` declare
options that commands share; ``commands.py``, ``suites.py`` and ``manage.py`` say which command
takes which. ``question.py``, ``load.py``, ``size_load.py``, ``sending.py``, ``payloads.py`` combine
them. Opens no target and no store. To add an option: a field in a class, and the place that uses
it; then ``python -m tuner.cli.reference > docs/reference.md``.
"""
