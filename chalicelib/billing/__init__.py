"""Who may use what: tiers, usage periods, units, resets."""
