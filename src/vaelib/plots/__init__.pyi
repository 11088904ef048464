from .ablation import (
    attribution as attribution,
)
from .ablation import (
    count_matrix as count_matrix,
)
from .ablation import (
    kl_against_beta as kl_against_beta,
)
from .benchmarks import quality_chart as quality_chart
from .benchmarks import throughput_chart as throughput_chart
from .comparison import (
    angle_r2 as angle_r2,
)
from .comparison import (
    rates_of_networks as rates_of_networks,
)
from .comparison import (
    scores_at_rate as scores_at_rate,
)
from .comparison import (
    spectra_of_networks as spectra_of_networks,
)
from .data import (
    distance_against_angle as distance_against_angle,
)
from .data import (
    resized_digits as resized_digits,
)
from .data import (
    signed_degrees as signed_degrees,
)
from .data import (
    split_distributions as split_distributions,
)
from .data import (
    upright_and_rotated as upright_and_rotated,
)
from .factors import factor_distributions as factor_distributions
from .images import image_grid as image_grid
from .latents import (
    change_maps as change_maps,
)
from .latents import (
    correlation_map as correlation_map,
)
from .latents import (
    dimension_profile as dimension_profile,
)
from .latents import (
    importance_matrix as importance_matrix,
)
from .latents import (
    plane as plane,
)
from .latents import (
    spectra as spectra,
)
from .latents import (
    traversal_panels as traversal_panels,
)
from .networks import (
    affine_templates as affine_templates,
)
from .networks import (
    network_diagrams as network_diagrams,
)
from .networks import (
    printed_table as printed_table,
)
from .networks import (
    traversal_differences as traversal_differences,
)
from .pose import (
    pose_in_one_drawing as pose_in_one_drawing,
)
from .pose import (
    rotation_over_ranges as rotation_over_ranges,
)
from .pose import (
    scores_of_many as scores_of_many,
)
from .rotation import arc as arc
from .rotation import response_curves as response_curves
from .sweeps import (
    image_blocks as image_blocks,
)
from .sweeps import (
    kl_spectra as kl_spectra,
)
from .sweeps import (
    learning_curves as learning_curves,
)
from .sweeps import (
    rate_distortion as rate_distortion,
)
from .sweeps import (
    scores_against_beta as scores_against_beta,
)
from .sweeps import (
    terms_against_beta as terms_against_beta,
)
from .training import kl_over_epochs as kl_over_epochs
from .training import loss_curves as loss_curves
