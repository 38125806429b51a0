"""Limits of a sandbox: CPU, memory and /tmp, by cgroups, or by signals and polling without them.

``sandbox.methods`` chooses; nothing here knows functions or runtimes.
"""
