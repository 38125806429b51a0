"""Schedule: the suite as a job of cron, systemd, GitHub, GitLab or AWS.

``when`` is the timetable, ``job`` what runs and its IAM policy, ``render`` fills a template (data
in ``templates/``, one per file that is written), ``install`` puts a job where this machine runs it.
Nothing here measures, and only ``install`` changes anything. To add a scheduler: a template, and
its line in ``render.KINDS``.
"""
