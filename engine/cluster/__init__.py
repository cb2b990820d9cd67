"""The engine on several machines: the same API in one process, models in actors of Ray on any node.

Ray is an optional part of the package (`pip install "herosmith[cluster]"`). Nothing outside of this folder
imports it, or this folder.
"""
