"""What every answer must be like, whatever Schemathesis has asked.

Its own check of GraphQL takes each refusal for a fault of the server. Here refusals are fine, as
long as they have a code of ours and tell nothing of the server's inside.
"""

import dataclasses
import re
from zlib import crc32

import graphql
import schemathesis

CODES = {
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "COST_LIMIT_EXCEEDED",
    "FORBIDDEN",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "UNAUTHENTICATED",
}
INSIDE = re.compile(r"\.rs:\d+|thread '.*' panicked|stack backtrace|\berror returned from database\b")


@schemathesis.check
def refused_with_a_code(context, response, case):
    assert response.status_code < 500, f"the status is {response.status_code}"
    assert not INSIDE.search(response.text), "the answer tells of the server's inside"
    body = response.json()
    assert "data" in body or body["errors"]
    for error in body.get("errors", []):
        code = error["extensions"]["code"]
        assert code in CODES, f"the code is {code}"
        assert error["message"]


class ReadablePage(graphql.Visitor):
    """Leaves one way to turn pages, where Schemathesis likes to go both ways at once."""

    def enter_field(self, node, *_):
        if not {"first", "last"} <= {argument.name.value for argument in node.arguments}:
            return None
        left = [it for it in node.arguments if it.name.value not in ("last", "before", "after")]
        return dataclasses.replace(node, arguments=tuple(left))


@schemathesis.hook
def map_body(context, body):
    """Three of four documents turn pages as people do; the rest stay as they are."""
    if crc32(graphql.print_ast(body).encode()) % 4 == 0:
        return body
    return graphql.visit(body, ReadablePage())
