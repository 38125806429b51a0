"""CPU quota and memory limit of a sandbox: by cgroups, or by signals and polling without them.

``sandbox.methods`` chooses; nothing here knows functions or runtimes.
"""
