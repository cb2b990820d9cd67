"""Monitoring: the metrics of bot and worker for Prometheus, and their health.

The other folders know nothing of it: they keep plain counts of what they do, which the collectors read at
each scrape. Only the client tells it of interactions as they happen.
"""
