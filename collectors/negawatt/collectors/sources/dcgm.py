"""NVIDIA's DCGM exporter over HTTP, as a source.

Not here: what a page says (dcgm_page) and what may be wrong with an answer (fetch).
"""

import aiohttp

from negawatt.collectors.access import Access
from negawatt.collectors.sources.dcgm_page import PagePlan
from negawatt.collectors.sources.exposition import PageParser, TruncatedPageError
from negawatt.collectors.sources.fetch import Refusal, fetch_page
from negawatt.collectors.sources.page_layout import PageLayout
from negawatt.collectors.sources.protocol import Batch, GapReason, StopWatch
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding, FindingCode, Severity


class DcgmSource:
    """Reads one exporter over HTTP; many of them share a session.

    Args:
        session: From ``negawatt.collectors.sources.fetch.exporter_session``; not closed here.
        url: The page's address.
        subject: Which exporter, for findings: its node.
        size_limit_bytes: Largest page that is read [bytes].
        access: Certificates and credentials.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        subject: str,
        size_limit_bytes: int,
        access: Access,
    ) -> None:
        self._session = session
        self._url = url
        self._subject = subject
        self._access = access
        self._size_limit_bytes = size_limit_bytes
        self._parser = PageParser()
        self._plan = PagePlan(PageLayout((), {}))

    async def read(self, clock: Clock) -> Batch:
        """Fetch and read one page, stamped with the middle of the fetch."""
        watch = StopWatch(clock)
        body = await fetch_page(
            self._session,
            self._url,
            size_limit_bytes=self._size_limit_bytes,
            access=self._access,
        )
        stamp = watch.stamp()
        if isinstance(body, Refusal):
            return self._failed(body.reason, body.detail)
        try:
            page = self._parser.parse(body, page_name=self._url)
        except TruncatedPageError as error:
            return self._failed(GapReason.PAGE_TRUNCATED, f"{error.found}, not in a newline")
        if page.layout is not self._plan.layout:
            self._plan = PagePlan(page.layout)
        return self._plan.interpret(page, stamp, subject=self._subject)[0]

    async def close(self) -> None:
        """Hold nothing back: the session belongs to whoever made it."""

    def _failed(self, reason: GapReason, detail: str) -> Batch:
        finding = Finding(
            code=FindingCode.SAMPLE_GAP,
            severity=Severity.WARNING,
            subject=self._subject,
            message=f"expected a page of {self._url}, found {reason}: {detail}",
            evidence={"gap_reason": reason, "url": self._url},
        )
        return Batch.failed(reason, finding)
