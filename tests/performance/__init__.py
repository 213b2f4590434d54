"""What each request and each event takes of AWS, held against a budget; and that the cost follows what is asked."""
