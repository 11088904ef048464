from .loop import fit as fit
from .store import Run as Run
