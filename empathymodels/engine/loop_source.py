"""Source text of the loops that run a trial's equations forward and backward."""

from __future__ import annotations

from empathymodels.engine.cell import Cell


def _names(prefix: str, number: int) -> list[str]:
    return [f"{prefix}{i}" for i in range(number)]


def _reads(cell: Cell) -> list[str]:
    """Expressions of parameters and data on row ``r`` of sequence ``s``."""
    parameters = [f"p{i}[{'r' if v else 's'}]" for i, v in enumerate(cell.varying)]
    return parameters + [f"{name}[r]" for name in _names("d", cell.n_data)]


def _assigned(names: list[str], call: str) -> str:
    return f"{', '.join(names)} = {call}" if names else "pass"


def forward_source(cell: Cell) -> str:
    """Return the text of the loop over trials that keeps every state."""
    states, latents = _names("x", cell.n_states), _names("l", cell.n_latents)
    starts, histories = _names("start", cell.n_states), _names("h", cell.n_states)
    inputs = [*starts, *_names("p", cell.n_parameters), *_names("d", cell.n_data), "offsets"]
    step = f"cell({', '.join([f'{x}[s]' for x in states] + _reads(cell))})"
    results = [f"next_{x}" for x in states] + [f"value_{name}" for name in latents]
    lines = [f"def loop({', '.join(inputs)}):"]
    lines += [f"    {x} = {start}.copy()" for x, start in zip(states, starts, strict=True)]
    lines += [f"    {name} = np.empty(offsets[-1])" for name in histories + latents]
    lines += [
        "    for t in range(len(offsets) - 1):",
        "        first = offsets[t]",
        "        for s in range(offsets[t + 1] - first):",
        "            r = first + s",
    ]
    lines += [f"            {h}[r] = {x}[s]" for h, x in zip(histories, states, strict=True)]
    lines += [f"            {_assigned(results, step)}"]
    lines += [f"            {x}[s] = next_{x}" for x in states]
    lines += [f"            {name}[r] = value_{name}" for name in latents]
    lines += [f"    return {', '.join([*histories, *latents, *states])},"]
    return "\n".join(lines)


def backward_source(cell: Cell, connected: tuple[bool, ...]) -> str:
    """Return the text of the adjoint loop, from the last trial to the first."""
    states, parameters = _names("x", cell.n_states), _names("p", cell.n_parameters)
    histories, latents = _names("h", cell.n_states), _names("l", cell.n_latents)
    finals = [f"final_{x}" for x in states]
    outputs = [*histories, *latents, *finals]
    given = {name for name, kept in zip(outputs, connected, strict=True) if kept}
    inputs = [*histories, *parameters, *_names("d", cell.n_data), "offsets"]
    inputs += [f"c_{name}" for name in outputs if name in given]
    cotangents = [f"a_{x}[s]" for x in states]
    cotangents += [f"c_{name}[r]" if name in given else "0.0" for name in latents]
    arguments = [f"{h}[r]" for h in histories] + _reads(cell) + cotangents
    results = [f"g_{name}" for name in states + parameters]
    lines = [f"def loop({', '.join(inputs)}):"]
    for x, final in zip(states, finals, strict=True):
        begin = f"c_{final}.copy()" if final in given else "np.zeros(offsets[1])"
        lines.append(f"    a_{x} = {begin}")
    lines += [f"    b_{p} = np.zeros(len({p}))" for p in parameters]
    lines += [
        "    for t in range(len(offsets) - 2, -1, -1):",
        "        first = offsets[t]",
        "        for s in range(offsets[t + 1] - first):",
        "            r = first + s",
        f"            {_assigned(results, f'cell({", ".join(arguments)})')}",
    ]
    for h, x in zip(histories, states, strict=True):
        extra = f" + c_{h}[r]" if h in given else ""
        lines.append(f"            a_{x}[s] = g_{x}{extra}")
    for p, varies in zip(parameters, cell.varying, strict=True):
        lines.append(f"            b_{p}[{'r' if varies else 's'}] += g_{p}")
    returned = [f"a_{x}" for x in states] + [f"b_{p}" for p in parameters]
    lines += [f"    return {', '.join(returned)},"]
    return "\n".join(lines)
