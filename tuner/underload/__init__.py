"""Underload: sizes of a sweep compared under a load profile, one after another.

``wish.py`` reads what the options ask of each size, ``gather.py`` sends the loads and keeps what
they show. May import ``gathering`` and what stands to its right. Which size is next and what a
load means for the answer is ``recommend``'s to say; nothing here judges.
"""
