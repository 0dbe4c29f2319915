"""Marts of businesses of a million accounts, drawn in seconds straight into their Parquet files.

What a mart holds of a business that intake read is described beside it; so is this one, by way of a small simulated
business whose description, and whose other marts, are used as they are.
"""
