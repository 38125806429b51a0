"""Billing: dated price tables with their source, and arithmetic.

``prices.toml`` is the table; nothing here reads the network or a clock. To change a price or add
a region: the table, with its date and source, and a test in ``tests/unit/billing/``.
"""
