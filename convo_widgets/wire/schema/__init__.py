"""Every body on the wire, once, as msgspec structs.

Both ends use them: the client decodes what the service encodes. Fields that a peer may leave out have a default,
unknown fields are ignored. Times stay the strings they are (`time_of` reads them), for one odd date must not cost
a message. A file a service, and one for what stands in many bodies; all names can be had here.
"""

# ruff: noqa: F403

from convo_widgets.wire.schema.api import *
from convo_widgets.wire.schema.items import *
from convo_widgets.wire.schema.media import *
from convo_widgets.wire.schema.sync import *
from convo_widgets.wire.schema.twilsock import *
from convo_widgets.wire.schema.values import *
