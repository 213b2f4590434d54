"""The commands of the operators' page, run."""
