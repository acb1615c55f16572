"""Content templates: what rich messages are made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from convo_widgets.client.content import ContentData, content_data
from convo_widgets.client.shown import line, table
from convo_widgets.wire import json, schema
from convo_widgets.wire.schema import time_of


@dataclass(frozen=True, slots=True)
class ContentTemplateVariable:
    """A variable of a content template.

    Attributes:
        name: which one, as the template numbers or names them.
        value: what stands in its place.
    """

    name: str
    value: str

    def copy_with_value(self, value: str) -> ContentTemplateVariable:
        """The same variable with another value."""
        return ContentTemplateVariable(self.name, value)


@dataclass(frozen=True, slots=True, repr=False)
class ContentTemplate:
    """A template for rich messages.

    Attributes:
        sid: its sid (HX...).
        friendly_name: its name for people.
        variables: with their default values.
        variants: the content by type, for example "twilio/text".
        date_created: in UTC.
        date_updated: in UTC.
    """

    sid: str
    friendly_name: str
    variables: list[ContentTemplateVariable]
    variants: dict[str, ContentData]
    date_created: datetime | None
    date_updated: datetime | None

    def __repr__(self) -> str:
        return f"<ContentTemplate {line(self.sid)} {line(self.friendly_name)}, {line(', '.join(self.variants))}>"

    def _repr_html_(self) -> str:
        rows = {
            "sid": self.sid,
            "friendly name": self.friendly_name,
            "variables": ", ".join(f"{one.name} = {one.value}" for one in self.variables[:10]) or None,
            "variants": ", ".join(self.variants) or None,
            "updated": self.date_updated,
        }
        return table("Content template", rows)

    @classmethod
    def from_wire(cls, data: schema.ContentTemplate) -> ContentTemplate:
        """The template that the service describes."""
        try:
            variables = json.decode(data.variables)
        except json.BadJSON:
            variables = {}
        pairs = variables.items() if isinstance(variables, dict) else ()
        return cls(
            data.sid,
            data.friendly_name,
            [
                ContentTemplateVariable(name, value if isinstance(value, str) else json.encode(value).decode())
                for name, value in pairs
            ],
            {type: content_data(type, variant) for type, variant in data.variants.items()},
            time_of(data.date_created),
            time_of(data.date_updated),
        )
