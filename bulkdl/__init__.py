"""Bulk download of media libraries: many objects in, one ZIP in the bucket out, watched live."""

__version__ = "0.1.0"
