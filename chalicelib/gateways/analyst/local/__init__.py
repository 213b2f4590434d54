"""The local analyst: reads laboratory reports by their layout, without a model and without a network."""
