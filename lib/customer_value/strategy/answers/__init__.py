"""The answers of the chapters in words: Results in, Markdown out.

One module a chapter; `labels` names measures and columns. Every number is printed by `Words` and every word that a
number could flip is chosen here, so that a page cannot say "higher" of something that fell. Names that come from the
data are escaped. Functions that return a `Result` choose what of it the page shows; the file to download has all of it.
"""
