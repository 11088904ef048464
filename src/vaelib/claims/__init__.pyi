from .ablation import (
    ACTIVE_KL as ACTIVE_KL,
)
from .ablation import (
    AS_STATED as AS_STATED,
)
from .ablation import (
    COUNTS as COUNTS,
)
from .ablation import (
    agreement as agreement,
)
from .ablation import (
    balanced as balanced,
)
from .ablation import (
    changes as changes,
)
from .ablation import (
    reading as reading,
)
from .ablation import (
    results as results,
)
from .ablation import (
    shares as shares,
)
from .ablation import (
    stated_beta as stated_beta,
)
from .ablation import (
    summary as summary,
)
from .ledger import (
    CLAIMS as CLAIMS,
)
from .ledger import (
    gather as gather,
)
from .ledger import (
    groups_needed as groups_needed,
)
from .ledger import (
    judge_claims as judge_claims,
)
from .ledger import (
    runs_at_scale as runs_at_scale,
)
from .planted import coverage as coverage
from .planted import planted_verdicts as planted_verdicts
from .rules import LEAST_SEEDS as LEAST_SEEDS
from .trends import (
    BETTER as BETTER,
)
from .trends import (
    DECK_BETA as DECK_BETA,
)
from .trends import (
    RATES as RATES,
)
from .trends import (
    at_equal_rate as at_equal_rate,
)
from .trends import (
    better as better,
)
from .trends import (
    did_not_help as did_not_help,
)
from .trends import (
    helped as helped,
)
