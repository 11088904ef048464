"""β-VAE on MNIST and rotated MNIST: data, models, training, and what is measured of them.

Wings, from the ground up: `data`, `models`, `training`, `metrics`, `scores`, `claims`, `plots`, `report`.
Each shows its public names in a stub, `__init__.pyi`, in reading order; a name is imported when it is asked
for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
