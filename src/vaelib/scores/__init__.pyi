from .baselines import fit_baselines as fit_baselines
from .latent_profile import (
    VISIBLE as VISIBLE,
)
from .latent_profile import (
    profile_latents as profile_latents,
)
from .latent_profile import (
    traversal_ranges as traversal_ranges,
)
from .measure import (
    agreement as agreement,
)
from .measure import (
    baseline_scores as baseline_scores,
)
from .measure import (
    baseline_titles as baseline_titles,
)
from .measure import (
    comparison as comparison,
)
from .measure import (
    measured as measured,
)
from .measure import (
    score as score,
)
from .registry import GROUPS as GROUPS
from .representation import Representation as Representation
from .representation import ScoringConfig as ScoringConfig
from .rotation import MOVES as MOVES
