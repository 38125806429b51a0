"""Cross-check: a run's own counts compared with those of CloudWatch and X-Ray."""
