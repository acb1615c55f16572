"""Documents, lists and maps that converge, whatever the network does to their events. Pure: no I/O, no clock."""
