"""Reports for doctors: ordered, put together from the values that people have, written, and printed."""
