"""Line items: which document of a person is the first in line."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.attributes import Part
from chalicelib.models.base import Item


class LineData(Part):
    """The entity itself. The job may be done by now: then the next document takes its place."""

    job_id = UnicodeAttribute()


class LineItem(Item, discriminator="line"):
    """The document of a person that stands in a front lane; any other one waits behind. Carries a `ttl`."""

    data = LineData()
