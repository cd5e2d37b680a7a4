"""A walk over the expressions, functions and simple statements of a cell, as they execute."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from nbtrack.capture.slicing import bodies, effects
from nbtrack.capture.slicing.bodies import Body, body_of
from nbtrack.capture.slicing.bound import Bindings, LocalScope, State, merge
from nbtrack.capture.slicing.magic_calls import MagicCall, Meaning, magic_call, meaning_of

_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_MAX_NESTED_MAGICS = 5


class Walk(Bindings):
    """Walk what does not branch; `nbtrack.capture.slicing.flow.CellWalk` walks the rest."""

    _lazy_annotations = False
    _called: ast.expr | None = None  # the f of f(x) and of f.a.b(x)

    def block(self, nodes: Iterable[ast.AST]) -> None:
        """Walk nodes one after another."""
        for node in nodes:
            self.visit(node)

    def branch(self, start: State, nodes: list[ast.stmt]) -> list[State]:
        """Walk one branch; its end, unless it leaves by return, raise, break or continue."""
        self.state = start.copy()
        self.num_branches += 1
        self.block(nodes)
        self.num_branches -= 1
        return [] if nodes and isinstance(nodes[-1], _LEAVES) else [self.state]

    def visit(self, node: ast.AST) -> None:
        """Walk one node and all below it."""
        self.note_changes(node)
        handler: Callable[[ast.AST], None] | None
        handler = getattr(self, f"_on_{type(node).__name__}", None)
        if handler is not None:
            handler(node)
        else:
            self.block(ast.iter_child_nodes(node))

    def _on_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read(node.id, is_called=node is self._called)
        elif isinstance(node.ctx, ast.Store):
            self.bind(node.id)
        else:
            self.delete(node.id)

    def _on_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def _on_JoinedStr(self, node: ast.JoinedStr) -> None:
        self.block(part for part in node.values if not isinstance(part, ast.Constant))

    def _on_Compare(self, node: ast.Compare) -> None:
        match node:
            case ast.Compare(
                ast.Constant(str() as name),
                [ast.In() | ast.NotIn()],
                [ast.Call(ast.Name("globals" | "locals" | "vars" | "dir"), [])],
            ):
                if name not in self.state.bound:  # `if "model" not in globals():`
                    self.read_outer(name)
            case _:
                self.block(ast.iter_child_nodes(node))

    def _on_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.Lambda) and all(
            isinstance(target, ast.Name) for target in node.targets
        ):
            self.block(bodies.defaults(node.value))  # a function like any other
            self._strings_and_exec([node.value.body])
        else:
            self.visit(node.value)
        self.block(node.targets)
        self._keep(node.targets, node.value)

    def _on_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read(node.target.id)
            self.hold([node.target.id], effects.held_by(node.value))
        self.block([node.value, node.target])

    def _on_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        if not self._lazy_annotations:
            self.visit(node.annotation)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)
            self._keep([node.target], node.value)

    def _on_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.bind(node.target.id)
        self._keep([node.target], node.value)

    def _keep(self, targets: Iterable[ast.expr], value: ast.expr | None) -> None:
        """Note what the object now bound holds, and the lambdas that it will call."""
        names = {name for target in targets for name in target_roots(target)}
        self.hold(names, effects.held_by(value))
        found: list[ast.Lambda | ast.GeneratorExp] = [*effects.lambdas_in(value)]
        if isinstance(value, ast.GeneratorExp):
            found.append(value)
        for each in found:
            self._lend(names, body_of(each))

    def _lend(self, names: Iterable[str], body: Body) -> None:
        """Using the object of a name may from now on call this body."""
        if self.in_class:
            self.scopes[-1].body |= body
            return
        body = replace(body, is_method=True)
        for name in names:
            self.define(name, self.state.functions.get(name, Body()) | body)

    def _on_Expr(self, node: ast.Expr) -> None:
        self.visit(node.value)
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call):  # `hooks.append(f)`, `setattr(Net, "forward", lambda: g)`
            self._hand_over(call)

    def _hand_over(self, call: ast.Call) -> None:
        arguments = effects.arguments_of(call)
        receivers = effects.roots([call.func] if isinstance(call.func, ast.Attribute) else [])
        builtin = isinstance(call.func, ast.Name) and call.func.id in effects.BUILTINS
        if builtin and effects.last_name(call.func) != "setattr":
            return
        if not isinstance(call.func, ast.Attribute):
            receivers |= effects.roots(arguments[:1])
            arguments = arguments[1:]
        self.hold(receivers, effects.roots(arguments))
        for argument in arguments:
            for each in effects.lambdas_in(argument):
                self._lend(receivers, body_of(each))

    def _on_Subscript(self, node: ast.Subscript) -> None:
        match node:
            case ast.Subscript(ast.Name(("Out" | "In") as name), ast.Constant(int() as number)):
                if name not in self.ever_bound:
                    self.opaque[f"reads {name}[{number}]"] = None
                    self.read_outer(name)
                    return
            case ast.Subscript(
                ast.Call(ast.Name("globals" | "locals" | "vars"), []), ast.Constant(str() as name)
            ):
                if isinstance(node.ctx, ast.Load):
                    self.read(name)
                    return
                self.bind(name)
        self.block([node.value, node.slice])

    def _on_Call(self, node: ast.Call) -> None:
        magic = magic_call(node)
        if magic is not None:
            self._magic(magic)
            return
        match node:
            case ast.Call(ast.Name("eval"), [ast.Constant(str() as code), *_]):
                self._inline(Meaning((code.strip(),), "inline"))
            case ast.Call(ast.Name("exec"), [ast.Constant(str() as code), *_]):
                self.opaque["exec"] = None
                self._inline(Meaning((code,), "inline"))
            case ast.Call(ast.Name(("exec" | "eval") as name)):
                self.opaque[name] = None
            case ast.Call(ast.Name(("globals" | "locals" | "vars") as name), []):
                self.opaque[f"{name}()"] = None
        called = node.func
        while isinstance(called, ast.Attribute | ast.Subscript):
            called = called.value
        self._called = called
        self.block([node.func, *effects.arguments_of(node)])

    # ---- functions and classes ------------------------------------------------------------------

    def _on_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.block([*node.decorator_list, *bodies.defaults(node)])
        if not self._lazy_annotations:
            with_types = LocalScope(bodies.type_parameters(node))
            self._in_scope(with_types, bodies.annotation_nodes(node))
        self._strings_and_exec(node.body)
        body = body_of(node)
        if self.in_class:
            self.scopes[-1].body |= body
            self.bind(node.name)
            return
        self.bind(node.name)
        self.define(node.name, body)
        if node.decorator_list:  # a decorator may call it, or give it to somebody who will
            self.use(body, {node.name}, surely=False)
            for call in node.decorator_list:
                arguments = effects.arguments_of(call) if isinstance(call, ast.Call) else []
                self.hold(effects.roots([*arguments, call]), {node.name})

    _on_AsyncFunctionDef = _on_FunctionDef

    def _on_Lambda(self, node: ast.Lambda) -> None:
        self.block(bodies.defaults(node))
        self._strings_and_exec([node.body])
        body = body_of(node)
        if self.in_class:
            self.scopes[-1].body |= body
        else:
            local = {name for scope in self.scopes for name in scope.names}
            outer = Body(body.reads - local, body.binds, body.changes - local)
            self.use(outer, set(), surely=False)

    def _strings_and_exec(self, nodes: Iterable[ast.AST]) -> None:
        for node in (inner for each in nodes for inner in ast.walk(each)):
            match node:
                case ast.Constant(str() as text):
                    self.strings.add(text)
                case ast.Call(ast.Name("exec")) | ast.Call(ast.Name("globals"), []):
                    self.opaque[effects.last_name(node.func)] = None

    def _on_ClassDef(self, node: ast.ClassDef) -> None:
        self.block(node.decorator_list)
        types = LocalScope(bodies.type_parameters(node))
        bases = [*node.bases, *(keyword.value for keyword in node.keywords)]
        scope = LocalScope(set(), is_class=True)
        self._in_scope(types, bases)
        self._in_scope(scope, node.body)
        self.bind(node.name)
        self.hold([node.name], effects.roots(bases))
        self._lend([node.name], scope.body)
        for decorator in node.decorator_list:
            self.hold([node.name], effects.roots([decorator]))

    def _in_scope(self, scope: LocalScope, nodes: Iterable[ast.AST]) -> None:
        if not (scope.names or scope.is_class):
            self.block(nodes)
            return
        self.scopes.append(scope)
        self.block(nodes)
        self.scopes.pop()

    def _comprehensions(self, generators: list[ast.comprehension], *elements: ast.expr) -> None:
        scope = LocalScope(set())
        for index, generator in enumerate(generators):
            self.note_changes(generator)
            self.visit(generator.iter)
            if index == 0:
                self.scopes.append(scope)
            scope.names |= {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
            self.block(generator.ifs)
        self.block(elements)
        self.scopes.pop()

    def _on_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehensions(node.generators, node.elt)

    _on_SetComp = _on_GeneratorExp = _on_ListComp

    def _on_DictComp(self, node: ast.DictComp) -> None:
        self._comprehensions(node.generators, node.key, node.value)

    # ---- imports and magics ---------------------------------------------------------------------

    def _on_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                module = "." * getattr(node, "level", 0) + (getattr(node, "module", "") or "")
                self.opaque[f"star import of {module}"] = None
                continue
            if isinstance(node, ast.ImportFrom):
                self._lazy_annotations |= node.module == "__future__" and alias.name == (
                    "annotations"
                )
                alone: ast.stmt = ast.ImportFrom(node.module, [alias], node.level)
            else:
                alone = ast.Import([alias])
            name = bodies.alias_name(alias)
            at_top = not self.num_branches and not self.scopes
            self.bind(name, by_import=at_top)
            if at_top:
                statements = self.imports.setdefault(name, [])
                statement = ast.unparse(alone)
                if statement not in statements:
                    statements.append(statement)

    _on_ImportFrom = _on_Import

    def _magic(self, call: MagicCall) -> None:
        meaning = meaning_of(call, self.read_file)
        if call.name != "track":
            self.strings |= {call.line, *call.line.split(), meaning.file} - {""}
        if meaning.opaque:
            self.opaque[meaning.opaque] = None
        for name in meaning.expands:
            if not self.is_local(name) and name not in self.state.bound:
                self.read_outer(name)
        self._inline(meaning)
        for name in meaning.binds:
            self.bind(name)

    def _inline(self, meaning: Meaning) -> None:
        """Walk code that is a string of the cell, as part of the cell."""
        if self.depth >= _MAX_NESTED_MAGICS:
            return
        for code in meaning.code:
            try:
                tree = ast.parse(code)
            except (SyntaxError, ValueError, RecursionError):
                if meaning.how != "maybe":
                    self.opaque["not Python"] = None
                continue
            self.depth += 1
            start = self.state.copy()
            if meaning.how == "inline":
                self.block(tree.body)
            elif meaning.how == "maybe":
                ends = self.branch(start, tree.body)
                self.state = merge([start, *ends])
            elif meaning.how == "reads":
                bound = set(self.ever_bound)
                self.branch(start, tree.body)
                self.state, self.ever_bound = start, bound
            else:
                other = type(self)(self.read_file, self.depth)
                other.block(tree.body)
                self.opaque |= other.opaque
                for name in sorted(other.state.bound):
                    self.bind(name)
            self.depth -= 1


def target_roots(target: ast.expr) -> Iterator[str]:
    """Names that a target binds, or whose objects it sets something on."""
    match target:
        case ast.Tuple() | ast.List():
            for part in target.elts:
                yield from target_roots(part)
        case _:
            yield from effects.roots([target])
