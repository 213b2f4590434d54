"""Who somebody is: sign-in, sessions, tokens, profiles."""
