"""The deployment package: dependencies for one runtime, pruned, with bytecode, and the same bytes every time."""
