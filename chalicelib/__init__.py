"""Everything the service is made of; `app.py` at the top is its table of contents."""
