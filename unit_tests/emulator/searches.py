"""Bodies of searches, and the chain of pages that one leads to."""


def condition(kind, field, low=None, high=None):
    def moment(value):
        return value and {"type": "fixed_utc", "value": value}

    return {
        "type": "field_condition",
        "field": {"type": "regular_field", "object_type": kind, "field_name": field},
        "condition": {"type": "moment_range", "on_or_after": moment(low), "before": moment(high)},
    }


def term(kind, field, *values):
    return {**condition(kind, field), "condition": {"type": "term", "values": list(values)}}


def search(kind, *conditions, sort=("date_updated",), fields=None, **more):
    body = {
        "query": {
            "type": "and",
            "negate": False,
            "queries": [{"type": "object_type", "object_type": kind}, *conditions],
        },
        "sort": [
            {
                "direction": "desc" if name.startswith("-") else "asc",
                "field": {"type": "regular_field", "object_type": kind, "field_name": name.lstrip("-")},
            }
            for name in sort
        ],
        **more,
    }
    if fields is not None:
        body["_fields"] = {kind: fields}
    return body


def chain(client, body):
    """All pages of a search."""
    pages, cursor = [], None
    while True:
        reply = client.post("data/search/", {**body, "cursor": cursor})
        assert reply.status == 200, reply.raw
        pages.append(reply.ids)
        cursor = reply.json["cursor"]
        if cursor is None:
            return pages
