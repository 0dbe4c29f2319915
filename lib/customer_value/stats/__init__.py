"""Estimators and intervals. Knows no business words and imports nothing else of this package but its errors."""
