"""From an executed notebook to a page of the book: cleaned, labelled, with its parameters."""

import ast
import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from vaelib.architectures import ARCHITECTURES
from vaelib.report.parameters import Parameter

LABEL = r"([A-Za-z][\w.:-]*)"
DEFINITIONS = [
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"(^\s*\(){LABEL}(?=\)=\s*$)",  # (sec-loss)=
        rf"(\$\$[ \t]*\(){LABEL}(?=\)\s*$)",  # $$ ... $$ (elbo)
        rf"(^\s*:(?:label|name):\s*){LABEL}(?=\s*$)",  # options of directives
        rf"(\\label\{{){LABEL}(?=\}})",  # amsmath
    )
]
STYLED = re.compile(r"\bT_[0-9a-f]{5}(?![0-9a-f])")
"""What pandas calls a table with a style: by chance."""
NO_HEADER = re.compile(r"<th[^>]*>(?:\s|&nbsp;)*</th>")
NAN = re.compile(r"<td([^>]*)>(?:NaN|nan)</td>")
REFERENCES = [
    re.compile(pattern)
    for pattern in (
        rf"(\{{(?:ref|numref|eq|math:numref|any)\}}`(?:[^`<]*<)?){LABEL}(?=[`>])",  # {ref}`text <label>`
        rf"(\]\(#?){LABEL}(?=\))",  # [text](#label)
        rf"(<(?:project:)?#){LABEL}(?=>)",  # <#label>
        rf"(\\(?:eq)?ref\{{){LABEL}(?=\}})",  # \eqref{label}
    )
]
LANGUAGE = {"name": "python", "file_extension": ".py", "pygments_lexer": "ipython3"}
ADDRESS = re.compile(r"\bat 0x[0-9a-f]+")


def format_value(value: Any) -> str:
    """Return the text of a command line that means `value`: texts as they are, unless they read as literals.

    >>> format_value([1, 4]), format_value("ours"), format_value("4")
    ('[1, 4]', 'ours', '"4"')
    """
    if isinstance(value, str):
        try:
            ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            return value
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')  # a shell quotes with the other kind


def command(notebook: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return the command line that redraws a page; parameters at their defaults are left out."""
    changed = (("-p", name, format_value(value)) for name, value in values.items() if value != defaults[name])
    return shlex.join(["vaelib", "notebook", notebook, *(word for words in changed for word in words)])


def clean(nb: NotebookNode) -> None:
    """Take out what differs between equal executions: clock times, random ids, stderr, addresses."""
    nb.metadata = {"kernelspec": nb.metadata.kernelspec, "language_info": LANGUAGE}
    count = itertools.count(1)
    for index, cell in enumerate(nb.cells):
        cell.id = f"cell-{index}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.execution_count = next(count)
            cell.outputs = _joined([o for o in cell.outputs if o.get("name") != "stderr"])
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count
                if "text/html" in output.get("data", {}):
                    table = STYLED.sub(f"T_{index}", output.data["text/html"])
                    table = NAN.sub(r"<td\1>undefined</td>", table)
                    output.data["text/html"] = NO_HEADER.sub("<td></td>", table)
                if "text/plain" in output.get("data", {}):
                    output.data["text/plain"] = ADDRESS.sub("", output.data["text/plain"])


def _joined(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of stdout: where the kernel cut the stream depends on the clock."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if joined and output.output_type == joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def suffix_labels(nb: NotebookNode, suffix: str) -> None:
    """Add `suffix` to every label that the notebook defines, and to all its references to them.

    Labels are names of figures, `(label)=` targets and labels of equations. References to labels of
    other pages stay as they are.
    """
    labels = labels_of(nb)

    def renamed(text: str) -> str:
        for pattern in DEFINITIONS + REFERENCES:
            text = pattern.sub(lambda m: m[0] + suffix if m[2] in labels else m[0], text)
        return text

    for cell in nb.cells:
        figure = figure_of(cell)
        if "name" in figure:
            figure["name"] += suffix
        if "caption" in figure:
            figure["caption"] = renamed(figure["caption"])
        if cell.cell_type == "markdown":
            cell.source = renamed(cell.source)
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                output.data["text/markdown"] = renamed(output.data["text/markdown"])


def labels_of(nb: NotebookNode) -> set[str]:
    """Return every label that a notebook defines: of figures, sections and equations."""
    labels = {figure_of(cell)["name"] for cell in nb.cells if "name" in figure_of(cell)}
    text = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    return labels | {match[2] for pattern in DEFINITIONS for match in pattern.finditer(text)}


def figure_of(cell: NotebookNode) -> dict[str, Any]:
    """Return what a cell says of its figure: name and caption; empty where it has none."""
    return cell.metadata.get("mystnb", {}).get("figure", {})


def mark_title(nb: NotebookNode, values: Mapping[str, Any]) -> None:
    """Say in the page's title with which parameters this page tells the notebook's story again."""
    if not values:
        return
    note = ", ".join(parameter_in_words(name, value) for name, value in values.items())
    for cell in nb.cells:
        if cell.cell_type == "markdown" and re.search(r"(?m)^# ", cell.source):
            cell.source = re.sub(r"(?m)^# .*$", lambda m: f"{m[0]}: {note}", cell.source, count=1)
            return


def parameter_in_words(name: str, value: Any) -> str:
    """Return a parameter as a title says it.

    >>> parameter_in_words("arch", "article"), parameter_in_words("beta", 1.0)
    ("the article's network", 'β = 1')
    """
    if name == "arch" and value in ARCHITECTURES:
        return ARCHITECTURES[value].title
    if name == "beta":
        return f"β = {value:g}"
    return f"{name.replace('_', ' ')} {format_value(value)}"


def show_parameters(nb: NotebookNode, values: Mapping[str, Any], declared: Mapping[str, Parameter]) -> None:
    """Turn the cells of defaults and of injected parameters into one: assignments that show as a table."""
    nb.cells = [cell for cell in nb.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    cell = next(cell for cell in nb.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    last = "last" in cell.metadata.tags  # of the page: they are not what it opens with
    cell.metadata.tags = ["parameters", "remove-input"]
    changed = [name for name in values if values[name] != declared[name].default]
    named = ", ".join(f"{name} = {format_value(values[name])}" for name in changed)
    rows = "".join(
        f"<tr{' class=changed' if name in changed else ''}><td><code>{name}</code></td>"
        f"<td>{escape(format_value(value))}</td><td>{escape(format_value(declared[name].default))}</td>"
        f"<td>{escape(declared[name].accepted)}</td><td>{escape(declared[name].meaning)}</td></tr>"
        for name, value in values.items()
    )
    html = (
        '<details class="parameters"><summary>Parameters of this page: '
        f"{escape(named) or 'the notebook’s own'}</summary>"
        "<table><thead><tr><th>parameter</th><th>here</th><th>default</th><th>accepted</th>"
        "<th>meaning</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )
    cell.outputs = [new_output("display_data", {"text/html": html, "text/plain": cell.source})]
    if last:
        nb.cells = [*(other for other in nb.cells if other is not cell), cell]
