"""What CloudWatch and X-Ray saw of a run, held beside what the run itself saw."""
