"""HTTP in and out: guards, requests, answers, errors, limits."""
