"""The public Python API: the commands as functions, with the command line's option names."""
