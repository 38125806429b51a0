"""Report: a sweep as a page, a terminal, JSON.

``view.py`` does all arithmetic and wording, with ``answer.py``, ``tables.py``, ``method.py`` and
``series.py`` for its parts; ``html.py``, ``terminal.py`` and the charts only place what it gives,
and ``document.py`` is the JSON. May import everything to its right; must never invoke or measure.
To add a section: the view, then its template, a test in ``tests/unit/report/`` and a look in a
browser.
"""
