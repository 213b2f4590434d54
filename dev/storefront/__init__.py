"""A simulator of the three stores: their own clock, real signatures, real HTTP."""
