"""From a run's notebooks to a site and a PDF: Quarto where it is on the PATH, else pandoc and Typst.

A project is a folder that Quarto renders as it stands::

    write_project(project, title="Customer value", locale="en-GB", chapters=[...])
    published = publish(project, log=project.parent / "publish.log")
"""

from customer_value.report.publish.engines import ENGINES, Publication, publish
from customer_value.report.publish.project import ChapterPage, write_project

__all__ = ["ENGINES", "ChapterPage", "Publication", "publish", "write_project"]
