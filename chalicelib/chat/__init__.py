"""Chat: prepared questions, answers while somebody waits or later, and nothing kept of a conversation."""
