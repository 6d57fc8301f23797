"""A page as PDF: tagged, with an outline, and the same bytes again with the same fonts.

WeasyPrint lays the page out (decision 0014). Nothing is fetched: the page holds all it needs. Not
here: what the page says (page.py) and how it prints (report.css).
"""

import logging
from importlib import resources
from typing import Any, Final

from negawatt.models.domain.errors import DeviceMissingError

_STYLE: Final = "templates/pdf.css"
_IDENTIFIER_BYTES: Final = 16


def to_pdf(page: str, digest: str) -> bytes:
    """Return a page as PDF.

    Title, author and dates are the page's; the identifier is the digest's beginning.

    Args:
        page: A page of ours, as HTML.
        digest: Digest of what it shows, in hexadecimal digits.

    Raises:
        DeviceMissingError: The system's library for laying out text is not installed.
    """
    weasyprint = _engine()
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    style = (resources.files(__package__) / _STYLE).read_text(encoding="utf-8")
    # Whatever a page asks for, from a file or a network, it does not get.
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    document = weasyprint.HTML(string=page, url_fetcher=nothing)
    pdf: bytes = document.write_pdf(
        stylesheets=[weasyprint.CSS(string=style, url_fetcher=nothing)],
        pdf_identifier=bytes.fromhex(digest)[:_IDENTIFIER_BYTES],
        pdf_tags=True,
    )
    return pdf


def _engine() -> Any:  # noqa: ANN401 - the module
    try:
        import weasyprint  # noqa: PLC0415 - takes a second, and a library that may be missing
    except OSError as error:
        raise DeviceMissingError(
            thing="PDF of a report",
            expected="the system library Pango, which lays out text",
            found=f"{error}".splitlines()[0],
            remedy="install it (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0 "
            "libharfbuzz-subset0), or "
            "print report.html from a browser",
        ) from error
    return weasyprint
