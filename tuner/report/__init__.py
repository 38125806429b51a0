"""Report: what was measured as a page, in the terminal and as JSON.

A view (``sweep_view``, ``load_view``, ``history_view``) does all arithmetic and wording and gives
the elements that ``elements`` names; tables, series and method are parts of views. ``pages`` and
``terminal`` only place them, the charts only draw. ``sweep_document`` and ``load_document`` are the
JSON. May import everything to its right; must never invoke or measure. To add a section: the view,
then its template, a test in ``tests/unit/report/`` and a look in a browser.
"""
