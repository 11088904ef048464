from .affine import (
    affine_map as affine_map,
)
from .affine import (
    affinity as affinity,
)
from .affine import (
    linear_theory as linear_theory,
)
from .affine import (
    maps as maps,
)
from .affine import (
    pairwise_cosines as pairwise_cosines,
)
from .affine import (
    pixel_changes as pixel_changes,
)
from .affine import (
    principal_angles as principal_angles,
)
from .affine import (
    traversal_steps as traversal_steps,
)
from .build import build_vae as build_vae
from .build import layer_table as layer_table
from .inference import (
    Codes as Codes,
)
from .inference import (
    decode as decode,
)
from .inference import (
    encode as encode,
)
from .inference import (
    evaluate as evaluate,
)
from .inference import (
    prior_samples as prior_samples,
)
from .inference import (
    traverse as traverse,
)
from .losses import (
    REFERENCE_SIDE as REFERENCE_SIDE,
)
from .losses import (
    beta_eff as beta_eff,
)
from .losses import (
    beta_norm as beta_norm,
)
from .losses import (
    gaussian_kl as gaussian_kl,
)
from .losses import (
    matched_beta as matched_beta,
)
from .losses import (
    reduction_weights as reduction_weights,
)
from .pose_vae import PoseVAE as PoseVAE
from .pose_vae import pose_loss as pose_loss
from .vae import VAE as VAE
