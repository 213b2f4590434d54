"""What GitHub may do in an account: its identity, and the roles that it is exchanged for."""
