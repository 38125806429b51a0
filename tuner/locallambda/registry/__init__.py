"""The functions: names, configurations, versions and aliases, and their files.

Requests are checked here in AWS's words; nothing here starts a sandbox.
"""
