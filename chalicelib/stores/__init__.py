"""Questions to the table; the only callers of PynamoDB operations."""
