"""The Python API: the commands as functions, with the options of the command line as keywords.

``calling.py`` gives a function the keywords of a class of options, ``results.py`` has what they
return. Files are named by what they open; the command line calls the same functions. Nothing else
opens targets and stores for a run.
"""
