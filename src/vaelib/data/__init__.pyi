from .dataset import Dataset as Dataset
from .dataset import as_float as as_float
from .dataset import load_split as load_split
from .dataset import render as render
from .factorial import (
    ANGLES as ANGLES,
)
from .factorial import (
    CROSSED as CROSSED,
)
from .factorial import (
    SCALE as SCALE,
)
from .factorial import (
    SHEAR as SHEAR,
)
from .factorial import (
    THICKNESS as THICKNESS,
)
from .factorial import (
    factorial_set as factorial_set,
)
from .factorial import (
    rotation_sweep as rotation_sweep,
)
from .mnist import load_mnist as load_mnist
from .morphology import MORPHOLOGY as MORPHOLOGY
from .morphology import morphometrics as morphometrics
