"""Which cells of a notebook rest on which, and what they call: read off their code."""

import ast
from collections.abc import Sequence


def calls(tree: ast.AST) -> set[str]:
    """Return the names of the functions that code calls."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def behind(sources: Sequence[str]) -> list[set[int]]:
    """Return for each cell of code the cells it rests on, itself among them: those whose names it uses.

    A cell rests on the last one that set a name, on those that changed what it stands for since (an item, an
    attribute, or a call of one of its methods as a statement of its own), and on all behind these.
    """
    rests: list[set[int]] = []
    made: dict[str, set[int]] = {}
    for i, source in enumerate(sources):
        nodes = list(ast.walk(ast.parse(source)))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
        rests.append({i}.union(*(rests[j] for name in used for j in made.get(name, ()))))
        for name in _changed(nodes):
            made[name] = made.get(name, set()) | {i}
        made |= {name.id: {i} for name in names if isinstance(name.ctx, ast.Store)}
        made |= {node.name: {i} for node in nodes if isinstance(node, ast.FunctionDef)}
    return rests


def _changed(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names of what is changed in place."""
    roots: list[ast.AST] = []
    for node in nodes:
        match node:
            case ast.Subscript(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
                roots.append(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                roots.append(method)
    return {name for root in roots if (name := _root(root))}


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
