"""What a load asks for: rates over time, profile files, and the payloads of event templates.

``pace.py`` is arithmetic, ``profile.py`` a whole load, ``profile_file.py`` reads one from TOML;
``events.py`` makes payloads, whose placeholders ``placeholders.py`` fills. Nothing here sends.
"""
