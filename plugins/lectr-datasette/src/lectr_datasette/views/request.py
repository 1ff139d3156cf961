"""One request: what happened when, what was used, what it cost and how sure that is. Called by `pages.py`."""

from __future__ import annotations

from lectr_datasette.asking import retries, rows
from lectr_datasette.reckoning import exchange
from lectr_datasette.reckoning.accuracy import by_way
from lectr_datasette.reckoning.retries import chain_of
from lectr_datasette.views.visit import Visit

_SOURCES = {
    "reported": "reported by the provider",
    "measured": "measured from what could be seen of the stream",
    "estimated": "estimated",
    "unknown": "not known",
}
_BASES = {
    "exact": "the model's usual price",
    "variant": "the price of the tier or speed that was used",
    "fallback": "a price that may not be the right one",
    "override": "a price of your own, from lectr.toml",
    "reported": "as the provider reported it",
    "provisioned": "nothing more than what its capacity costs by the hour",
    "unknown": "no price is known",
}


async def request(visit: Visit) -> str | None:
    """The page; None where there is no such request. Waits: on the database, a few questions."""
    query = rows.one(visit.words.get("id", ""))
    found = await visit.ask(query)
    if not found:
        return None
    row = {key: found[0][key] for key in found[0].keys()}  # noqa: SIM118  # a row of SQLite iterates over values
    sides = {side["side"]: side["id"] for side in await visit.ask(rows.around(row))}
    parts = exchange.parts(row)
    chain = None
    if row["client_retry"] or row["outcome"] != "ok":
        chain = chain_of(row["id"], await visit.newest(retries.around(row)) or [])
    checked = await visit.accuracy(row["provider"]) if row["tokens_source"] in {"measured", "estimated"} else []
    return visit.render(
        "request",
        visit.scope(),
        "request",
        row=row,
        query=query,
        model=row["model_actual"] or row["model_sent"] or row["model_requested"] or "–",
        spans=exchange.spans(row),
        moments=exchange.moments(row),
        attempts=exchange.attempts(row),
        parts=parts,
        parts_nanousd=sum(part.cost_nanousd or 0 for part in parts),
        usage=exchange.flat(exchange.parsed(row["usage_json"]) or {}),
        headroom=exchange.flat(exchange.parsed(row["headroom_json"]) or {}),
        source=_SOURCES.get(row["tokens_source"], row["tokens_source"]),
        basis=_BASES.get(row["cost_basis"], row["cost_basis"]),
        failed=row["outcome"] not in {"ok", "client_disconnected"},
        sides=sides,
        chain=chain,
        held=by_way([each for each in checked if each.model == row["model_sent"]]),
        costly=exchange.cost_words(row),
    )
