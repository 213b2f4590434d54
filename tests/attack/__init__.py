"""What an attacker would try against the whole service, and the committed record of what became of it."""
