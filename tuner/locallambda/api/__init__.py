"""Lambda's HTTP API: the server, and one function per API call.

To add a call: a line in the table of ``server``, a function with AWS's recorded answer, a test
through boto3. Never invent an answer that AWS does not give.
"""
