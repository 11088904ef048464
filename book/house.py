# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     name: python3
#     display_name: Python 3
#     language: python
# ---

# %% [markdown]
# (sec-house)=
# # The house
#
# **Where in the library is the code behind a figure?** {numref}`fig-house` shows the library, drawn from its own files: its wings, each above those that it imports from. Nothing imports from what stands above it; that
# is checked with every commit.

# %% tags=["parameters"]
package = "src/vaelib"  # what is drawn
walked = ["fig-ranges", "fig-correlations", "fig-response"]  # figures whose way to the code is shown

# %% tags=["hide-input"]
from vaelib.plots import wings_on_floors
from vaelib.report import (
    MOVED_IN_BY,
    check_chapter,
    glue_all,
    house_figures,
    house_floors,
    house_imports,
    house_modules,
    house_wings,
    walks,
)

check_chapter("house", globals())
modules, between = house_modules(), house_imports()
floors = house_floors(between)
glue_all(
    {
        "n_figures": len(house_figures()),
        "n_modules": len(modules),
        "n_lines": int(modules["lines"].sum()),
        "n_wings": len(floors),
        "moved_in": MOVED_IN_BY,
    }
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-house", "caption": "The wings of the library. A line leads down to a wing that modules of the upper one import from; the thicker, the more imports there are."}, "image": {"alt": "Boxes on several floors, one for each wing of the library, with lines that lead only downwards."}}
wings_on_floors(modules, between, floors)

# %% [markdown]
# {glue:text}`n_modules` modules have {glue:text}`n_lines:,d` lines. They moved into the wings in one commit that changed imports and little else ({glue:text}`moved_in`); the library has grown since:

# %% tags=["hide-input"]
house_wings(modules).rename_axis(None).map("{:,}".format)

# %% [markdown]
# ## Three walks
#
# Under every figure a line names the function that draws it, and the code above the figure names those that its numbers come from. A chapter imports them by their public names; which module a
# name comes from stands in the wing's `__init__.pyi`. So a reader is at the code in two steps: from the figure to the name of a function, and from the name to its source. For three figures:

# %% tags=["hide-input"]
walks(walked)

# %% [markdown]
# ## What each module is for

# %% tags=["hide-input"]
modules.set_index("module")[["lines", "says"]].rename_axis(None).style.set_table_attributes(
    'class="dataframe"'
).set_properties(subset=["says"], **{"text-align": "left", "white-space": "normal"})

# %% [markdown]
# ## Answer
#
# **Two steps lead from each of {glue:text}`n_figures` figures to its code**, from the chapter to the function and from the function to its module:

# %% tags=["hide-input"]
house_figures().set_index("figure").rename_axis(None)
