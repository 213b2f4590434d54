"""Mutation testing of the rules: small faults are planted, one at a time, and the tests must notice."""
