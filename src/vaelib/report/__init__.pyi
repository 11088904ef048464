from .prose import direction as direction
from .prose import glue as glue
from .prose import glue_all as glue_all
from .prose import span as span
from .tables import (
    bands as bands,
)
from .tables import (
    claim_texts as claim_texts,
)
from .tables import (
    ledger_counts as ledger_counts,
)
from .tables import (
    number as number,
)
from .tables import (
    score_table as score_table,
)
