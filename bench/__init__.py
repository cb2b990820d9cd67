"""Measurements of the whole: each figure beside a bound or a peer of the same run."""
