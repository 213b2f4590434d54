"""DynamoDB's operations, as far as the stores use them, answered by a relational database."""
