"""A long run of everything at once, with faults, and a ledger that has to be exact at its end (`make soak`)."""
