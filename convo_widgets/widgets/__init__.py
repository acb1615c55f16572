"""Notebook widgets: one anywidget a file, with a folder of the same name in ``js/``."""
