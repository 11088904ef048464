from .loop import fit as fit
from .run import Run as Run
