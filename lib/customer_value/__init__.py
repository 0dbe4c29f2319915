"""Customer Value Report: which customers, behaviours and decisions make customer value grow or shrink."""

__version__ = "0.1.0"
