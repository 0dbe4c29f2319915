"""From findings to decisions, and the words both are written in.

`wording` turns numbers into text a director reads; `findings` holds the record that every chapter leaves behind;
`decisions` gates and ranks those records; `front_page` lays the outcome out as Markdown. Nothing here looks at data:
what a page says is computed from the fields of its findings.
"""
