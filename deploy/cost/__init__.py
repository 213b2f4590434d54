"""What a stage costs a month: calls counted on real journeys, prices as data, and the sum."""
