"""A corpus of laboratory reports from many imagined laboratories, and the scoring of a reader against it."""
