from .loop import fit as fit
from .losses import pose_loss as pose_loss
from .run import Run as Run
