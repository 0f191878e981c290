"""The page: lists, files and the morning of a home in a browser. `app.make_app` is the door; it only reads.

Every answer comes from the current release or the ledger at the moment of asking; nothing is kept between two requests but
who is let in. Which rows a reviewer may see is decided by the file that is opened (`release.opened`), not by the page.
"""
