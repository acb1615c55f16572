"""Live conversations in notebooks: a client, widgets, DataFrames and an embedded service.

The public names stand in the stub beside this file. Each is imported when it is first used: pandas alone takes a
second, for which a service, or a client without tables, need not wait.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
