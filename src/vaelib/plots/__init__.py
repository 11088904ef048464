"""Figures: one function a figure; each returns a matplotlib Figure and never saves or shows it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
