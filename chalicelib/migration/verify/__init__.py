"""Whether both sides of a move hold the same: counted, summed, narrowed down, and shown attribute by attribute.

Knows nothing of how copies are made, and shares no code with what makes them.
"""
