"""Everything that is measured: arrays in, named numbers out; no networks inside."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
