"""Loads as they are asked for: rates over time, profile files, payloads of event templates.

``pace.py`` is arithmetic, ``profile.py`` a whole load, ``profile_file.py`` reads one from TOML;
``events.py`` makes payloads, whose placeholders ``placeholders.py`` fills. Nothing here sends.
"""
