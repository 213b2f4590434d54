"""After a table was restored to an earlier instant: whoever was erased since then is erased from it again."""
