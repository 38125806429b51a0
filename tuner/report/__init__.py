"""Report: a sweep as a page, a terminal, JSON.

``view.py`` does all arithmetic and wording; templates and charts only place what it gives. To add
a section: the view, then its template, a test in ``tests/unit/report/`` and a look in a browser.
"""
