"""Requests in, answers out: the API below /api/v1/."""
