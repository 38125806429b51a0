"""AWS: the only room that imports boto3: the control plane, read and changed with care.

Every change is journalled before it is made and guarded by RevisionId; throttles and conflicts
of the control plane are retried here, invocations never (they are not sent from here). Foreign
errors become ours in ``translate.py``. To add a call: a method on the client that needs it, its
error translations, and a test against moto and the local Lambda.
"""
