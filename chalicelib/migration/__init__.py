"""The move from a relational database to the one table; leaves as one folder when the move is over."""
