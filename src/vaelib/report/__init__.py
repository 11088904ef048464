"""The report as a build: pages, notebooks, tables, jobs, and the words of its prose."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
