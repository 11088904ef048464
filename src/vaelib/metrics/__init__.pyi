from .dependence import (
    active_units as active_units,
)
from .dependence import (
    circular_linear_r2 as circular_linear_r2,
)
from .dependence import (
    gaussian_total_correlation as gaussian_total_correlation,
)
from .distances import distances_when_turned as distances_when_turned
from .information import mig as mig
from .information import mutual_information as mutual_information
from .known_codes import (
    CROSSED_LEVELS as CROSSED_LEVELS,
)
from .known_codes import (
    INFORMATIVE as INFORMATIVE,
)
from .known_codes import (
    LEVELS as LEVELS,
)
from .known_codes import (
    known_scores as known_scores,
)
from .prediction import dci as dci
from .prediction import sap as sap
from .probes import (
    eta_squared as eta_squared,
)
from .probes import (
    latent_correlations as latent_correlations,
)
from .probes import (
    mean_abs_correlation as mean_abs_correlation,
)
from .probes import (
    target_entropy as target_entropy,
)
from .probes import (
    tsne as tsne,
)
from .rotation import (
    class_breakdown as class_breakdown,
)
from .rotation import (
    invariance as invariance,
)
from .rotation import (
    rotation_isolation as rotation_isolation,
)
from .rotation import (
    two_way as two_way,
)
from .sampling import beta_vae_score as beta_vae_score
from .sampling import factor_vae_score as factor_vae_score
from .sampling import irs as irs
from .statistics import between_points as between_points
from .statistics import crossing as crossing
from .statistics import mean_interval as mean_interval
from .transforms import (
    LEAST_P as LEAST_P,
)
from .transforms import (
    moved_images as moved_images,
)
from .transforms import (
    transform_dictionary as transform_dictionary,
)
